{#
  What every <product>_champion keeps to, beside its gate: what a verdict needs, and one row per version where there is one.
  One test, as each costs a build some tenths of a second.
#}
{% test valid_verdicts(model) %}
    {{ test_valid_rows(
        model,
        required=['model_name', 'role', 'as_of_date', 'is_learnable', 'passes', 'serves', 'meets_targets', 'beats_baseline', 'verdict'],
        values={'role': ['pinned', 'reigning', 'candidate', 'experiment', 'none']}
    ) }}
    union all
    select 'v' || cast(model_version as {{ dbt.type_string() }}) || ' is considered more than once' as message
    from {{ model }}
    where model_version is not null
    group by model_version
    having count(*) > 1
{% endtest %}
