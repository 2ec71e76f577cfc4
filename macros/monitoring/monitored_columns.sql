{#
  What of a model is watched for drift: {numeric, categorical, predictions, reference_split, rows}, from `config.meta` of the
  model that fits it, so that no list is kept twice. `reference_split` is the split of the examples that looks as the rows to
  score do and lies in the weeks before the fit (meta `reference.split`, none where there is no such split), `rows` a condition
  on examples and predictions, if not all rows are of that shape (meta `reference.rows`).

  With setting `attribute_prefix` the columns of `examples` that begin with it are features, too.

  Arguments
    model_name  name in model_inventory
    examples    relation of the product's examples

  Example: {% set watched = monitored_columns('demand_predictor', ref('demand_examples')) %}
#}
{% macro monitored_columns(model_name, examples) %}
    {% set found = namespace(meta={}) %}
    {% if execute %}
        {% for node in graph.nodes.values() if node.resource_type == 'model' and node.name == model_name %}
            {% set found.meta = node.config.meta %}
        {% endfor %}
    {% endif %}
    {% set meta = found.meta %}
    {% set numeric = (meta.get('numeric') or []) | list %}
    {% set categorical = (meta.get('categorical') or []) | list %}
    {% if meta.get('attribute_prefix') %}
        {% for column in adapter.get_columns_in_relation(examples) if column.name.startswith(meta.attribute_prefix) %}
            {% do (categorical if column.is_string() else numeric).append(column.name) %}
        {% endfor %}
    {% endif %}
    {% set predicted = meta.get('prediction') or [] %}
    {% set reference = meta.get('reference') or {} %}
    {{ return({
        'numeric': numeric,
        'categorical': categorical,
        'predictions': [predicted] if predicted is string else predicted,
        'reference_split': reference.get('split'),
        'rows': reference.get('rows', 'true'),
    }) }}
{% endmacro %}
