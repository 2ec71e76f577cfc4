{#
  Bins of reference rows, from counts of values.

  A numeric column has up to twenty bins of equal count, as far as its values allow: value v with the share F(v) of rows at
  or below it is in bin ceil(20 F(v)), so that a value with 5 % of the rows or more is the largest of its bin and shares it with
  none below it by more than 5 %. Bins are closed on the right; the first and the last are open to the outside. PSI and
  Jensen-Shannon take them by two, as deciles (`group_number`); the Kolmogorov-Smirnov statistic uses all of them.
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
    select
        {{ by }},
        bin,
        group_number,
        coalesce(lag(upper_value) over (partition by {{ by }} order by bin), cast('-Infinity' as double)) as lower_edge,
        case
            when lead(bin) over (partition by {{ by }} order by bin) is null then cast('Infinity' as double)
            else upper_value
        end as upper_edge,
        cast(null as {{ dbt.type_string() }}) as level,
        row_count
    from (
        select
            {{ by }},
            cast(ceil(20e0 * rows_so_far / all_rows) as int) as bin,
            cast(ceil(10e0 * rows_so_far / all_rows) as int) as group_number,
            max(value) as upper_value,
            sum(row_count) as row_count
        from (
            select
                *,
                sum(row_count) over (partition by {{ by }} order by value) as rows_so_far,
                sum(row_count) over (partition by {{ by }}) as all_rows
            from {{ counts }}
            where value is not null
        ) as cumulated
        group by {{ by }}, cast(ceil(20e0 * rows_so_far / all_rows) as int), cast(ceil(10e0 * rows_so_far / all_rows) as int)
    ) as numeric_bins
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
        cast(null as {{ dbt.type_string() }}) as level,
        coalesce(sum(row_count) filter (where value is null and level is null), 0) as row_count
    from {{ counts }}
    group by {{ by }}
{% endmacro %}
