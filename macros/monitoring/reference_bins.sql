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
    {% set text = dbt.type_string() %}
    -- each relation is read once: Spark plans a CTE anew wherever it is named
    with united as (

        select
            {{ by }},
            place,
            level,
            row_count,
            cast(null as double) as upper_edge
        from {{ counts }}
        union all
        select
            {{ by }},
            cast(row_number() over (partition by {{ by }} order by edge) as int) - 1 as place,
            cast(null as {{ text }}) as level,
            0 as row_count,
            edge as upper_edge
        from {{ edges }}

    ),

    placed as (

        select
            {{ by }},
            place,
            level,
            sum(row_count) as row_count,
            max(upper_edge) as upper_edge,
            case
                when level is not null then 'level'
                when max(upper_edge) is not null then 'place'
                when place is null or place = -1 then 'missing'
            end as kind_of_bin
        from united
        group by {{ by }}, place, level

    ),

    -- one more row for each column: its missing, if only 0 of them
    cumulated as (

        select
            *,
            row_number() over (partition by {{ by }} order by place, level) as place_in_column,
            sum(row_count) over (partition by {{ by }}) as column_rows,
            sum(case when kind_of_bin = 'missing' then row_count else 0 end) over (partition by {{ by }}) as missing_rows,
            cast(
                row_number() over (partition by {{ by }}, kind_of_bin order by row_count desc, level asc) as int
            ) as level_number,
            coalesce(
                lag(upper_edge) over (partition by {{ by }}, kind_of_bin order by place), cast('-Infinity' as double)
            ) as lower_edge,
            cast(sum(row_count) over (partition by {{ by }}, kind_of_bin order by place) as double) as rows_so_far,
            cast(sum(row_count) over (partition by {{ by }}, kind_of_bin) as double) as all_rows
        from placed

    ),

    own_deciles as (

        select
            *,
            case
                when kind_of_bin = 'place' and row_count > 0 then cast(ceil(10 * rows_so_far / all_rows) as int)
            end as own_decile
        from cumulated

    ),

    deciles as (

        select
            *,
            coalesce(
                min(own_decile) over (
                    partition by {{ by }}, kind_of_bin order by place rows between current row and unbounded following
                ),
                10
            ) as decile
        from own_deciles

    ),

    -- the smallest and the largest value have bins of their own: of a decile with one bin that has rows, that is all
    ends as (

        select
            *,
            sum(case when row_count > 0 then 1 else 0 end) over (partition by {{ by }}, kind_of_bin, decile) as filled_bins
        from deciles

    ),

    numbered as (

        select
            ends.*,
            copies.is_missing
        from ends
        inner join (
            select false as is_missing
            union all
            select true as is_missing
        ) as copies
            on (not copies.is_missing and ends.kind_of_bin in ('place', 'level'))
            or (copies.is_missing and ends.place_in_column = 1 and ends.column_rows > 0)

    )

    select
        {{ by }},
        case when is_missing then 0 when kind_of_bin = 'level' then level_number else place + 1 end as bin,
        case
            when is_missing then 0
            when kind_of_bin = 'level' then least(level_number, 21)
            when filled_bins = 1 and upper_edge = cast('Infinity' as double) then 22
            when filled_bins = 1 and place = 0 then 23
            else decile
        end as group_number,
        case when not is_missing and kind_of_bin = 'place' then lower_edge end as lower_edge,
        case when not is_missing then upper_edge end as upper_edge,
        case when not is_missing then level end as level,
        case when is_missing then missing_rows else row_count end as row_count
    from numbered
{% endmacro %}
