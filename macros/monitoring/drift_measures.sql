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
        {{ by }},
        max(current_all) as row_count,
        max(reference_all) as reference_row_count,
        {{ psi('reference_rows', 'current_rows', 'reference_all', 'current_all', 'groups') }} as psi,
        max(ks) as ks,
        {{ js_distance('reference_rows / reference_all', 'current_rows / current_all') }} as js_distance
    from (
        select
            {{ by }},
            cast(sum(reference_rows) as double) as reference_rows,
            cast(sum(current_rows) as double) as current_rows,
            max(reference_all) as reference_all,
            max(current_all) as current_all,
            case when max(number_bins) > 0 then {{ ks_statistic(
                'reference_so_far / reference_all', 'current_so_far / current_all'
            ) }} end as ks,
            count(*) over (partition by {{ by }}) as groups
        from (
            select
                *,
                sum(case when is_number then 1 else 0 end) over (partition by {{ by }}) as number_bins,
                cast(sum(reference_rows) over (partition by {{ by }} order by {{ place }}) as double) as reference_so_far,
                cast(sum(current_rows) over (partition by {{ by }} order by {{ place }}) as double) as current_so_far,
                cast(sum(reference_rows) over (partition by {{ by }}) as double) as reference_all,
                cast(sum(current_rows) over (partition by {{ by }}) as double) as current_all
            from {{ compared }}
        ) as so_far
        group by {{ by }}, group_number
    ) as shares
    group by {{ by }}
{% endmacro %}
