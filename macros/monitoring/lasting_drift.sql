{#
  Features whose drift the last fit has not mended: they had drifted when it was decided on, and have been beyond their
  threshold on every day scored since. They are no reason for another fit; one that came back after a day within is.

  Reads CTEs of model_state: drift (its history), last_attempts.

  Columns: model_name, feature_name

  Example: with lasting as ({{ lasting_drift() }})
#}
{% macro lasting_drift() %}
    select
        model_name,
        feature_name
    from (
        select
            drift.*,
            -- a day's drift is measured after its run has decided
            max(case when drift.scoring_date < last_attempts.last_attempt_date then drift.scoring_date end) over (
                partition by drift.model_name
            ) as known_date
        from drift
        inner join last_attempts on drift.model_name = last_attempts.model_name
    ) as dated
    where scoring_date >= known_date
    group by model_name, feature_name
    having
        count(case when scoring_date = known_date and is_drifted then 1 end) > 0
        and count(case when scoring_date > known_date and round(psi, 9) < psi_act then 1 end) = 0
{% endmacro %}
