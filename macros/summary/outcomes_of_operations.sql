{# Query: model_operations as monitoring left it, with the number of open alerts of each product; see lines_of_operations. #}
{% macro outcomes_of_operations() %}
    select
        operations.product,
        operations.as_of_date,
        operations.gate_state,
        operations.serving_version,
        operations.age_days,
        operations.drift_state,
        operations.drift_feature,
        operations.is_degraded,
        operations.quality_week,
        coalesce(open_alerts.alerts, 0) as alerts
    from {{ built_table('model_operations') }} as operations
    left join (
        select
            model_name,
            count(*) as alerts
        from {{ built_table('alerts') }}
        group by model_name
    ) as open_alerts on operations.model_name = open_alerts.model_name
    order by operations.product
{% endmacro %}
