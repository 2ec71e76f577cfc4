{# What every <product>_champion keeps to, beside its gate; a version is unique where there is one (test unique). #}
{% test valid_verdicts(model) %}
    {{ test_valid_rows(
        model,
        required=['model_name', 'role', 'as_of_date', 'is_learnable', 'passes', 'serves', 'meets_targets', 'beats_baseline', 'verdict'],
        values={'role': ['pinned', 'reigning', 'candidate', 'experiment', 'none']}
    ) }}
{% endtest %}
