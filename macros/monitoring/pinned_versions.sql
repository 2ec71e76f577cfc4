{#
  Which version is pinned by decision, as of the point in time: one row per model with a pin, with who decided it and why
  in words. The last of promote, rollback and unpin (`lift` in older rows) decides; a version that was archived since is
  pinned no longer.

  Arguments
    decisions  relation registry_decisions
    clock      relation point_in_time

  Columns: model_name, pinned_version, pinned_because
#}
{% macro pinned_versions(decisions, clock) %}
    select
        pins.model_name,
        pins.model_version as pinned_version,
        pins.action || ' by ' || pins.decided_by || ' as of ' || cast(pins.as_of_date as {{ dbt.type_string() }}) || ': '
        || pins.reason as pinned_because
    from (
        select
            decisions.*,
            row_number() over (partition by decisions.model_name order by decisions.decision_id desc) as recency
        from {{ decisions }} as decisions
        inner join {{ clock }} as clock on decisions.as_of_date <= clock.as_of_date
        where decisions.action in ('promote', 'rollback', 'unpin', 'lift')
    ) as pins
    left join ({{ archived_versions(decisions, clock) }}) as archived
        on pins.model_name = archived.model_name
        and pins.model_version = archived.model_version
    where pins.recency = 1 and pins.action in ('promote', 'rollback') and archived.model_version is null
{% endmacro %}
