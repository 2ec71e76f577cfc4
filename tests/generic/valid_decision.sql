{# What every <product>_retraining keeps to: one row, and a reason that the macro decide_retraining knows. #}
{% test valid_decision(model) %}
    {{ test_valid_rows(
        model,
        key=['model_name'],
        required=['as_of_date', 'fit_due', 'reason'],
        values={'reason': ['not_learnable', 'never', 'forced', 'unfinished', 'no_champion', 'drift', 'performance', 'schedule', 'not_due']}
    ) }}
{% endtest %}
