{# What every model that fits keeps to: one row per version, and a reason for which a version is fitted. #}
{% test valid_versions(model) %}
    {{ test_valid_rows(
        model,
        key=['model_version'],
        required=['model_name', 'as_of_date', 'reason', 'run_id', 'model_uri'],
        values={'reason': ['forced', 'unfinished', 'no_champion', 'drift', 'performance', 'schedule']}
    ) }}
{% endtest %}
