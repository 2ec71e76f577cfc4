{#
  Counts of values of what a version of a model saw, its features in the examples, or of what it said, its predictions.

  Arguments
    version   name of a CTE with one row or none: model_name, model_version, as_of_date
    kind      'feature' or 'prediction'
    relation  the product's examples, or a table of predictions with model_version
    watched   what monitored_columns says
    split     split whose rows are counted; none where the relation has no splits
    date      column that equals the version's as_of_date; none where the split says it all

  Columns: model_name, model_version, as_of_date, kind, feature_name, value, level, row_count

  Example: {{ version_counts('served', 'feature', ref('demand_examples'), watched, split='score', date='as_of_date') }}
#}
{% macro version_counts(version, kind, relation, watched, split=none, date=none) %}
    {% set rows %}
        (
            select given.*
            from {{ relation }} as given
            cross join {{ version }} as version
            where
                {{ watched.rows }}
                {{ "and given.split = '" ~ split ~ "'" if split }}
                {{ 'and given.' ~ date ~ ' = version.as_of_date' if date }}
                {{ 'and given.model_version = version.model_version' if kind == 'prediction' }}
        ) as chosen
    {% endset %}
    select
        version.model_name,
        version.model_version,
        version.as_of_date,
        '{{ kind }}' as kind,
        counted.feature_name,
        counted.value,
        counted.level,
        counted.row_count
    from (
        {% if kind == 'prediction' %}
            {{ value_counts(rows, watched.predictions, []) }}
        {% else %}
            {{ value_counts(rows, watched.numeric, watched.categorical) }}
        {% endif %}
    ) as counted
    cross join {{ version }} as version
{% endmacro %}
