{#
  One metric of prediction_quality that has degraded, in words: "auc 0.61, less than 0.95 of the back-test's 0.78, week of
  2025-06-02, 2 weeks in a row". A metric that is measured over the baseline is told as its ratio to it.

  Called where the columns of prediction_quality are in scope: judged_weeks.
#}
{% macro quality_evidence_text() %}
    {% set over = "case when judged_weeks.measured_as = 'over_baseline' then judged_weeks." %}
    judged_weeks.metric_name
    || case when judged_weeks.measured_as = 'over_baseline' then ' over the baseline''s ' else ' ' end
    || {{ number_text("judged_weeks.metric_value / " ~ over ~ "baseline_value else 1 end") }}
    || ', back-test '
    || {{ number_text("judged_weeks.backtest_value / " ~ over ~ "backtest_baseline_value else 1 end") }}
    || ', tolerance ' || {{ number_text('judged_weeks.tolerance') }}
    || ', week of ' || cast(judged_weeks.week_start as {{ dbt.type_string() }})
    || case when judged_weeks.weeks > 1
        then ', ' || cast(judged_weeks.weeks as {{ dbt.type_string() }}) || ' weeks in a row'
        else ''
    end
{% endmacro %}
