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

  One pass: Spark writes a CTE out wherever it is read, so that each is read once.

  Arguments
    counts  CTE with `keys`, feature_name, value, level and row_count
    keys    list of columns that tell sets of rows apart

  Columns: keys, feature_name, bin, group_number, lower_edge, upper_edge (numeric; null else), level (categorical), row_count

  Example: with bins as ({{ reference_bins('counted', ['model_name', 'model_version']) }})
#}
{% macro reference_bins(counts, keys) %}
    {% set by = (keys + ['feature_name']) | join(', ') %}
    {# whole numbers are exact as doubles, and add up in half the time #}
    {% set rows = 'case when value is not null then cast(row_count as double) else 0e0 end' %}
    {# a hair below the smallest value, which its own bin has to hold #}
    {% set below = 'smallest - 1e-9 * greatest(abs(smallest), 1)' %}
    with cumulated as (

        select
            *,
            sum({{ rows }}) over (partition by {{ by }} order by value) as rows_so_far,
            sum({{ rows }}) over (partition by {{ by }}) as all_rows
        from {{ counts }}

    ),

    -- levels have no bin yet
    placed as (

        select
            *,
            case
                when value is not null then cast(ceil(20 * rows_so_far / all_rows) as int)
                when level is null then 0
            end as place,
            case
                when value is not null then cast(ceil(10 * rows_so_far / all_rows) as int)
                when level is null then 0
            end as decile
        from cumulated

    ),

    binned as (

        select
            {{ by }},
            place,
            decile,
            level,
            min(value) as smallest,
            max(value) as largest,
            sum(row_count) as row_count
        from placed
        group by {{ by }}, place, decile, level

    ),

    ranked as (

        select
            *,
            row_number() over (
                partition by {{ by }}, case when level is null then 0 else 1 end order by row_count desc, level
            ) as frequency_rank,
            lag(largest) over (partition by {{ by }} order by place) as largest_before,
            min(coalesce(place, 1)) over (partition by {{ by }}) as first_place,
            min(smallest) over (partition by {{ by }}) as smallest_of_all,
            max(largest) over (partition by {{ by }}) as largest_of_all,
            min(smallest) over (partition by {{ by }}, decile) as smallest_of_decile,
            max(largest) over (partition by {{ by }}, decile) as largest_of_decile
        from binned

    )

    -- each bin, and beside those at the ends what the reference does not have
    select
        {{ by }},
        case
            when extra.bin is not null then extra.bin
            when level is null then place
            else cast(frequency_rank as int)
        end as bin,
        case
            when extra.bin = 0 then 0
            when extra.bin is not null then case when smallest_of_decile = largest_of_decile then extra.bin + 1 else decile end
            when level is null then decile
            else cast(least(frequency_rank, 21) as int)
        end as group_number,
        case
            when extra.bin = 0 or smallest is null then cast(null as double)
            when extra.bin = 21 then largest
            when extra.bin = 22 then cast('-Infinity' as double)
            else coalesce(largest_before, {{ below }})
        end as lower_edge,
        case
            when extra.bin = 0 or smallest is null then cast(null as double)
            when extra.bin = 21 then cast('Infinity' as double)
            when extra.bin = 22 then {{ below }}
            else largest
        end as upper_edge,
        case when extra.bin is null then level end as level,
        case when extra.bin is null then row_count else 0 end as row_count
    from ranked
    inner join (
        select cast(null as int) as bin
        union all
        select 0 as bin
        union all
        select 21 as bin
        union all
        select 22 as bin
    ) as extra
        on
            extra.bin is null
            or (extra.bin = 0 and first_place > 0 and frequency_rank = 1)
            or (extra.bin = 21 and largest = largest_of_all)
            or (extra.bin = 22 and smallest = smallest_of_all)
{% endmacro %}
