{# What every <product>_metrics keeps to: a metric of a segment occurs once, and there are rows behind it. #}
{% test valid_metrics(model) %}
    {{ test_valid_rows(
        model,
        key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'],
        required=['row_count'],
        ranges={'row_count': [1, none]},
        values={'split': ['validation', 'test']}
    ) }}
{% endtest %}
