{#
  Metrics of what is left of a probability for rows that stand still, long, with the baseline's value on the same rows: of a
  back-test's rows with `is_open` 1, those that were open when their split began. A row of probability p, of which the share
  `later_share` s of all positives comes so late, still comes with p s / (1 - p + p s).

  For all rows, each named remaining_<metric> and as probability_metrics has it: log_loss, brier, auc, bias, positive_rate, and
  precision, recall and f1 at best_threshold, the one of largest F1 on the validation rows.

  Argument
    product  a declaration (macro products) of task `probability`, whose back-test keeps is_open and later_share

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count

  Example: {{ remaining_metrics(product_cancellation()) }}
#}
{% macro remaining_metrics(product) %}
    {% set open_rows %}
        (
            select
                model_version,
                evaluated_as_of,
                split,
                {{ product.date }},
                {{ product.label }},
                {% for name, column in {'remaining_model': judged_prediction(product), 'remaining_rule': product.baseline}.items() %}
                    {{ remaining(column) }} as {{ name }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ ref(product.product ~ '_backtest') }}
            where is_open = 1
        )
    {% endset %}
    select
        model_version,
        as_of_date,
        split,
        segment,
        'remaining_' || metric_name as metric_name,
        metric_value,
        baseline_value,
        row_count
    from (
        {{ probability_metrics(
            backtest=open_rows, decision=ref(product.product ~ '_retraining'),
            label=product.label, prediction='remaining_model', baseline='remaining_rule', date=product.date, segments={}
        ) }}
    ) as measured
    where
        segment = 'all'
        and metric_name in (
            'log_loss', 'brier', 'auc', 'bias', 'positive_rate', 'precision', 'recall', 'f1', 'best_threshold'
        )
{% endmacro %}

{# What is left of a probability for who has not come by now (Bayes): an SQL expression. #}
{% macro remaining(probability) -%}
    {{ probability }} * later_share / (1 - {{ probability }} + {{ probability }} * later_share)
{%- endmacro %}
