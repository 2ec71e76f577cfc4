{#
  Metrics whose degradation the last fit has not mended: they had degraded when it was decided on, and have been outside their
  tolerance in every week since. They are no reason for another fit; one that came back after a week within is.

  Reads CTEs of model_state: measured (prediction_quality, its history), last_attempts.

  Columns: model_name, metric_name

  Example: with lasting as ({{ lasting_degradation() }})
#}
{% macro lasting_degradation() %}
    select
        model_name,
        metric_name
    from (
        select
            measured.*,
            max(case when measured.as_of_date <= last_attempts.last_attempt_date then measured.week_start end) over (
                partition by measured.model_name, measured.metric_name
            ) as known_week
        from measured
        inner join last_attempts on measured.model_name = last_attempts.model_name
    ) as dated
    where week_start >= known_week
    group by model_name, metric_name
    having
        count(case when week_start = known_week and is_degraded then 1 end) > 0
        and count(case when week_start > known_week and weeks_in_row = 0 then 1 end) = 0
{% endmacro %}
