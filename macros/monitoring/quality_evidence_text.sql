{#
  One metric of prediction_quality that has degraded, in words: "auc 0.61, back-test 0.78, tolerance 0.95, week of
  2025-06-02, 2 weeks in a row". A metric that is measured over the baseline is told as its ratio to it.

  Called where the columns of prediction_quality are in scope as judged_weeks.
#}
{% macro quality_evidence_text() %}
    {% set over = "case when judged_weeks.measured_as = 'over_baseline' then judged_weeks." %}
    judged_weeks.metric_name
    || case when judged_weeks.measured_as = 'over_baseline' then ' over baseline ' else ' ' end
    || {{ number_text("judged_weeks.metric_value / " ~ over ~ "baseline_value else 1 end") }}
    || ', back-test '
    || {{ number_text("judged_weeks.backtest_value / " ~ over ~ "backtest_baseline_value else 1 end") }}
    || ', tolerance ' || {{ number_text('judged_weeks.tolerance') }}
    || ', week of ' || cast(judged_weeks.week_start as {{ dbt.type_string() }})
    || ', ' || cast(judged_weeks.weeks_in_row as {{ dbt.type_string() }}) || ' weeks in a row'
{% endmacro %}
