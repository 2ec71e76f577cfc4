{#
  Features whose drift a fit has answered already, which is no reason for another: they had drifted when it was decided on,
  and have been beyond their threshold on every day scored since, or it lies less than four weeks back. So far back reach the
  rows that a version is compared with: those of a later fit still hold days from before the drift, and show it once more.

  Argument
    clock  relation with as_of_date, the point in time

  Reads CTEs of model_state: drift (its history), attempts, evaluations, last_attempts.

  Columns: model_name, feature_name

  Example: select * from ({{ lasting_drift(ref('point_in_time')) }}) as lasting
#}
{% macro lasting_drift(clock) %}
    select distinct
        model_name,
        feature_name
    from (
        select
            eves.model_name,
            eves.is_recent,
            since.feature_name,
            count(case when since.scoring_date = eves.known_date and since.is_drifted then 1 end) as had_drifted,
            count(case when since.scoring_date > eves.known_date and round(since.psi, 9) < since.psi_act then 1 end) as days_within
        from (
            -- what a day scores is measured after its run has decided
            select
                attempts.model_name,
                attempts.as_of_date,
                attempts.as_of_date + 28 > clock.as_of_date as is_recent,
                max(before.scoring_date) as known_date
            from attempts
            cross join {{ clock }} as clock
            inner join evaluations
                on attempts.model_name = evaluations.model_name
                and attempts.model_version = evaluations.model_version
            inner join last_attempts on attempts.model_name = last_attempts.model_name
            inner join drift as before
                on attempts.model_name = before.model_name
                and attempts.as_of_date > before.scoring_date
            where attempts.as_of_date = last_attempts.last_attempt_date or attempts.as_of_date + 28 > clock.as_of_date
            group by attempts.model_name, attempts.as_of_date, clock.as_of_date
        ) as eves
        inner join drift as since
            on eves.model_name = since.model_name
            and eves.known_date <= since.scoring_date
        group by eves.model_name, eves.as_of_date, eves.is_recent, since.feature_name
    ) as answered
    where had_drifted > 0 and (days_within = 0 or is_recent)
{% endmacro %}
