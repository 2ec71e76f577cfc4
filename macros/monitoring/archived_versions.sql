{#
  Versions that are archived as of the point in time: those whose own last decision says so. Promoting one, or rolling
  back to it, brings it back.

  Arguments
    decisions  relation registry_decisions
    clock      relation point_in_time

  Columns: model_name, model_version
#}
{% macro archived_versions(decisions, clock) %}
    select
        model_name,
        model_version
    from (
        select
            decisions.model_name,
            decisions.model_version,
            decisions.action,
            row_number() over (
                partition by decisions.model_name, decisions.model_version order by decisions.decision_id desc
            ) as recency
        from {{ decisions }} as decisions
        inner join {{ clock }} as clock on decisions.as_of_date <= clock.as_of_date
        where decisions.model_version is not null
    ) as ranked
    where recency = 1 and action = 'archive'
{% endmacro %}
