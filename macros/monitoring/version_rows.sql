{#
  Rows of what a version of a model saw, its features in the examples, or of what it said, its predictions: a subquery.

  Arguments
    version   name of a CTE with one row or none: model_name, model_version, as_of_date
    kind      'feature' or 'prediction'
    relation  the product's examples, or a table of predictions with model_version
    watched   what monitored_columns says
    split     split that is read; none where the relation has no splits
    date      column that equals the version's as_of_date; none where the split says it all

  Example: {{ version_rows('served', 'feature', ref('demand_examples'), watched, split='score', date='as_of_date') }}
#}
{% macro version_rows(version, kind, relation, watched, split=none, date=none) %}
    (
        select given.*
        from {{ relation }} as given
        cross join {{ version }} as version
        where
            {{ watched.rows }}
            {{ "and given.split = '" ~ split ~ "'" if split }}
            {{ 'and given.' ~ date ~ ' = version.as_of_date' if date }}
            {{ 'and given.model_version = version.model_version' if kind == 'prediction' }}
    )
{% endmacro %}
