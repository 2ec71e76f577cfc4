{#
  Counts of rows in the bins of their reference: one row a bin of either side. Rows that no bin of the reference takes,
  which are levels that it does not know and values of a column that it only knows as missing, are in bin -1.

  Arguments
    counts  CTE with `keys`, feature_name, place, level and row_count, as edge_counts and level_counts make them
    bins    CTE or relation with the columns of reference_bins, whose upper edges are those that were counted between
    keys    list of columns that tell sets of rows apart, in both

  Columns: keys, feature_name, bin, group_number, is_number, lower_edge (null: missing, or no number), reference_rows,
  current_rows

  Example: with compared as ({{ binned_counts('counted', 'bins', ['model_name', 'model_version']) }})
#}
{% macro binned_counts(counts, bins, keys) %}
    {% set keys = keys + ['feature_name'] %}
    {% set by = keys | join(', ') %}
    {% set same %}{% for key in keys %}counts.{{ key }} = bins.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}{% endset %}
    {% set missing = 'case when counts.place = -1 or (counts.place is null and counts.level is null) then 0 else -1 end' %}
    select
        {{ by }},
        bin,
        max(group_number) as group_number,
        max(lower_edge) as lower_edge,
        max(case when lower_edge is not null then 1 else 0 end) = 1 as is_number,
        sum(reference_rows) as reference_rows,
        sum(current_rows) as current_rows
    from (
        select
            {% for key in keys %}counts.{{ key }}, {% endfor %}
            coalesce(bins.bin, {{ missing }}) as bin,
            coalesce(bins.group_number, {{ missing }}) as group_number,
            bins.lower_edge,
            0 as reference_rows,
            counts.row_count as current_rows
        from {{ counts }} as counts
        left join (
            select
                *,
                case
                    when upper_edge is not null
                        then row_number() over (partition by {{ by }} order by upper_edge nulls last) - 1
                end as place
            from {{ bins }}
        ) as bins
            on {{ same }}
            and (counts.place = bins.place or counts.level = bins.level)
        union all
        select
            {{ by }},
            bin,
            group_number,
            lower_edge,
            row_count as reference_rows,
            0 as current_rows
        from {{ bins }}
    ) as both_sides
    group by {{ by }}, bin
{% endmacro %}
