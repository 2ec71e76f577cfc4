{#
  PSI, Kolmogorov-Smirnov statistic (numeric columns only) and Jensen-Shannon distance of each column, from counts by bin.

  Arguments
    compared  CTE with the columns of binned_counts
    keys      list of columns that tell sets of rows apart

  Columns: keys, feature_name, row_count, reference_row_count, psi, ks, js_distance

  Example: with measured as ({{ drift_measures('compared', ['model_name', 'model_version']) }})
#}
{% macro drift_measures(compared, keys) %}
    {# the missing come before all numbers #}
    {% set place = 'case when lower_edge is null then 0 else 1 end, lower_edge, bin' %}
    {% set keys = keys + ['feature_name'] %}
    {% set by = keys | join(', ') %}
    select
        {% for key in keys %}grouped.{{ key }}, {% endfor %}
        grouped.row_count,
        grouped.reference_row_count,
        grouped.psi,
        case when cumulated.is_number then cumulated.ks end as ks,
        grouped.js_distance
    from (
        select
            {{ by }},
            max(current_all) as row_count,
            max(reference_all) as reference_row_count,
            {{ psi('reference_rows', 'current_rows', 'reference_all', 'current_all', 'groups') }} as psi,
            {{ js_distance('reference_rows / reference_all', 'current_rows / current_all') }} as js_distance
        from (
            select
                {{ by }},
                cast(sum(reference_rows) as double) as reference_rows,
                cast(sum(current_rows) as double) as current_rows,
                cast(sum(sum(reference_rows)) over (partition by {{ by }}) as double) as reference_all,
                cast(sum(sum(current_rows)) over (partition by {{ by }}) as double) as current_all,
                count(*) over (partition by {{ by }}) as groups
            from {{ compared }}
            group by {{ by }}, group_number
        ) as shares
        group by {{ by }}
    ) as grouped
    inner join (
        select
            {{ by }},
            max(case when is_number then 1 else 0 end) = 1 as is_number,
            {{ ks_statistic('reference_share_so_far', 'current_share_so_far') }} as ks
        from (
            select
                {{ by }},
                is_number,
                cast(sum(reference_rows) over (partition by {{ by }} order by {{ place }}) as double)
                / sum(reference_rows) over (partition by {{ by }}) as reference_share_so_far,
                cast(sum(current_rows) over (partition by {{ by }} order by {{ place }}) as double)
                / sum(current_rows) over (partition by {{ by }}) as current_share_so_far
            from {{ compared }}
        ) as shares_so_far
        group by {{ by }}
    ) as cumulated
        on {% for key in keys %}grouped.{{ key }} = cumulated.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}

{% endmacro %}
