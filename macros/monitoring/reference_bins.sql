{#
  Bins of reference rows, from counts of values.

  A numeric column has up to twenty bins of equal count, as far as its values allow: value v with the share F(v) of rows at
  or below it is in bin ceil(20 F(v)), so that a value with 5 % of the rows or more is the largest of its bin and shares it
  with less than 5 %. Bins are closed on the right. What lies beyond the reference's range has bins of its own, 21 above and
  22 below. PSI and Jensen-Shannon take the bins by two, as deciles (`group_number`), with what lies beyond in the first and
  the last; where that is a single value, as in a column of mostly zeros or a constant one, what lies beyond is a group of its
  own. The Kolmogorov-Smirnov statistic uses all bins, in the order of `lower_edge`.

  A categorical column has a bin for each level, and a group for each of its twenty most frequent ones and one for the
  others. Bin 0 holds the missing, which every column has, if only with 0 rows.

  Arguments
    counts  CTE with `keys`, feature_name, value, level and row_count
    keys    list of columns that tell sets of rows apart

  Columns: keys, feature_name, bin, group_number, lower_edge, upper_edge (numeric; null else), level (categorical), row_count

  Example: with bins as ({{ reference_bins('counted', ['model_name', 'model_version']) }})
#}
{% macro reference_bins(counts, keys) %}
    {% set by = (keys + ['feature_name']) | join(', ') %}
    {% set text = dbt.type_string() %}
    {% set bin = 'cast(ceil(20 * rows_so_far / all_rows) as int)' %}
    {# a hair below the smallest value, which its own bin has to hold #}
    {% set below = 'smallest - 1e-9 * greatest(abs(smallest), 1)' %}
    with cumulated as (

        select
            *,
            -- whole numbers are exact as doubles, and add up in half the time
            sum(cast(row_count as double)) over (partition by {{ by }} order by value) as rows_so_far,
            sum(cast(row_count as double)) over (partition by {{ by }}) as all_rows
        from {{ counts }}
        where value is not null

    ),

    ventiles as (

        select
            {{ by }},
            {{ bin }} as bin,
            cast(ceil(10 * rows_so_far / all_rows) as int) as group_number,
            min(value) as smallest,
            max(value) as largest,
            sum(row_count) as row_count
        from cumulated
        group by {{ by }}, {{ bin }}, cast(ceil(10 * rows_so_far / all_rows) as int)

    ),

    groups as (

        select
            {{ by }},
            group_number,
            min(smallest) as smallest,
            max(largest) as largest,
            row_number() over (partition by {{ by }} order by group_number) as place,
            row_number() over (partition by {{ by }} order by group_number desc) as place_from_end
        from ventiles
        group by {{ by }}, group_number

    )

    select
        {{ by }},
        bin,
        group_number,
        coalesce(lag(largest) over (partition by {{ by }} order by bin), {{ below }}) as lower_edge,
        largest as upper_edge,
        cast(null as {{ text }}) as level,
        row_count
    from ventiles
    union all
    select
        {{ by }},
        21 as bin,
        case when smallest = largest then 22 else group_number end as group_number,
        largest as lower_edge,
        cast('Infinity' as double) as upper_edge,
        cast(null as {{ text }}) as level,
        0 as row_count
    from groups
    where place_from_end = 1
    union all
    select
        {{ by }},
        22 as bin,
        case when smallest = largest then 23 else group_number end as group_number,
        cast('-Infinity' as double) as lower_edge,
        {{ below }} as upper_edge,
        cast(null as {{ text }}) as level,
        0 as row_count
    from groups
    where place = 1
    union all
    select
        {{ by }},
        cast(frequency_rank as int) as bin,
        cast(least(frequency_rank, 21) as int) as group_number,
        cast(null as double) as lower_edge,
        cast(null as double) as upper_edge,
        level,
        row_count
    from (
        select
            *,
            row_number() over (partition by {{ by }} order by row_count desc, level) as frequency_rank
        from {{ counts }}
        where level is not null
    ) as levels
    union all
    select
        {{ by }},
        0 as bin,
        0 as group_number,
        cast(null as double) as lower_edge,
        cast(null as double) as upper_edge,
        cast(null as {{ text }}) as level,
        coalesce(sum(row_count) filter (where value is null and level is null), 0) as row_count
    from {{ counts }}
    group by {{ by }}
{% endmacro %}
