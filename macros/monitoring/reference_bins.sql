{#
  Bins of reference rows, from their counts.

  A numeric column has a bin for each place between its edges (`bin_edges`), numbered from 1 by size. They are closed on the
  right. PSI and Jensen-Shannon take them as deciles (`group_number`): a bin with the share F of rows up to its end is in decile
  ceil(10 F), one without rows goes with the next that has some. The first and the last bin lie beyond the reference's range and
  go with the first and the last decile; where that is a single value, as in a column of mostly zeros or a constant one, what
  lies beyond is a group of its own, 22 above and 23 below.

  A categorical column has a bin for each level, and a group for each of its twenty most frequent ones and one for the
  others. Bin 0 holds the missing, which every column has, if only with 0 rows.

  Arguments
    counts  CTE with `keys`, feature_name, place, level and row_count, as edge_counts and level_counts make them
    edges   CTE with `keys`, feature_name and edge
    keys    list of columns that tell sets of rows apart

  Columns: keys, feature_name, bin, group_number, lower_edge, upper_edge (numeric; null else), level (categorical), row_count

  Example: with bins as ({{ reference_bins('counted', 'edges', ['model_name', 'model_version']) }})
#}
{% macro reference_bins(counts, edges, keys) %}
    {% set keys = keys + ['feature_name'] %}
    {% set by = keys | join(', ') %}
    with places as (

        select
            {{ by }},
            cast(row_number() over (partition by {{ by }} order by edge) as int) - 1 as place,
            coalesce(lag(edge) over (partition by {{ by }} order by edge), cast('-Infinity' as double)) as lower_edge,
            edge as upper_edge
        from {{ edges }}

    ),

    filled as (

        select
            {% for key in keys %}places.{{ key }}, {% endfor %}
            places.place,
            places.lower_edge,
            places.upper_edge,
            coalesce(counts.row_count, 0) as row_count
        from places
        left join {{ counts }} as counts
            on places.place = counts.place
            {% for key in keys %}and places.{{ key }} = counts.{{ key }} {% endfor %}

    ),

    cumulated as (

        select
            *,
            cast(sum(row_count) over (partition by {{ by }} order by place) as double) as rows_so_far,
            cast(sum(row_count) over (partition by {{ by }}) as double) as all_rows
        from filled

    ),

    own_deciles as (

        select
            *,
            case when row_count > 0 then cast(ceil(10 * rows_so_far / all_rows) as int) end as own_decile
        from cumulated

    ),

    deciles as (

        select
            *,
            coalesce(
                min(own_decile) over (partition by {{ by }} order by place rows between current row and unbounded following),
                10
            ) as decile
        from own_deciles

    ),

    -- the smallest and the largest value have bins of their own: of a decile with one bin that has rows, that is all
    ends as (

        select
            *,
            sum(case when row_count > 0 then 1 else 0 end) over (partition by {{ by }}, decile) as filled_bins
        from deciles

    ),

    numbers as (

        select
            {{ by }},
            place + 1 as bin,
            case
                when filled_bins = 1 and upper_edge = cast('Infinity' as double) then 22
                when filled_bins = 1 and place = 0 then 23
                else decile
            end as group_number,
            lower_edge,
            upper_edge,
            cast(null as {{ dbt.type_string() }}) as level,
            row_count
        from ends

    ),

    levels as (

        select
            {{ by }},
            cast(row_number() over (partition by {{ by }} order by row_count desc, level asc) as int) as bin,
            level,
            row_count
        from {{ counts }}
        where level is not null

    ),

    missing as (

        select
            {{ by }},
            sum(case when place = -1 or (place is null and level is null) then row_count else 0 end) as row_count
        from {{ counts }}
        group by {{ by }}
        having sum(row_count) > 0

    )

    select
        {{ by }},
        bin,
        group_number,
        lower_edge,
        upper_edge,
        level,
        row_count
    from numbers
    union all
    select
        {{ by }},
        bin,
        least(bin, 21) as group_number,
        cast(null as double) as lower_edge,
        cast(null as double) as upper_edge,
        level,
        row_count
    from levels
    union all
    select
        {{ by }},
        0 as bin,
        0 as group_number,
        cast(null as double) as lower_edge,
        cast(null as double) as upper_edge,
        cast(null as {{ dbt.type_string() }}) as level,
        row_count
    from missing
{% endmacro %}
