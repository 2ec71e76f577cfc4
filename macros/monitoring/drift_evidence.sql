{#
  What drift is a reason to fit, in words: "base_price: PSI 0.31, at least 0.2 for 3 days; and 1 more". Drift of the version
  that reigns, on the newest day that was scored, only if it lasted long enough since the last fit, and none that a fit has
  answered already (lasting_drift).

  Argument
    clock  relation with as_of_date, the point in time

  Reads CTEs of model_state: drift (its history), attempts, evaluations, last_attempts, ranked_scorings.

  Columns: model_name, evidence

  Example: with drift_evidence as ({{ drift_evidence(ref('point_in_time')) }})
#}
{% macro drift_evidence(clock) %}
    select
        model_name,
        feature_name || ': PSI ' || {{ number_text('psi') }} || ', at least ' || {{ number_text('psi_act') }} || ' for '
        || cast(days_in_row as {{ dbt.type_string() }}) || ' days'
        || case
            when features > 1 then '; and ' || cast(features - 1 as {{ dbt.type_string() }}) || ' more'
            else ''
        end as evidence
    from (
        select
            drift.*,
            row_number() over (partition by drift.model_name order by drift.psi desc, drift.feature_name asc) as place,
            count(*) over (partition by drift.model_name) as features
        from drift
        inner join ranked_scorings
            on drift.model_name = ranked_scorings.model_name
            and drift.model_version = ranked_scorings.model_version
            and drift.scoring_date = ranked_scorings.as_of_date
            and ranked_scorings.recency = 1
        inner join (
            select
                scored.model_name,
                count(distinct scored.scoring_date) as days
            from drift as scored
            left join last_attempts on scored.model_name = last_attempts.model_name
            where last_attempts.last_attempt_date is null or scored.scoring_date > last_attempts.last_attempt_date
            group by scored.model_name
        ) as since_attempt
            on drift.model_name = since_attempt.model_name
            and drift.act_days <= since_attempt.days
        left join ({{ lasting_drift(clock) }}) as lasting
            on drift.model_name = lasting.model_name
            and drift.feature_name = lasting.feature_name
        where drift.is_drifted and lasting.model_name is null
    ) as drifted
    where place = 1
{% endmacro %}
