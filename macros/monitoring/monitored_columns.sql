{#
  What of a model is watched for drift: {numeric, categorical, predictions, reference_split, rows}. Features are those of
  `config.meta` of the model that fits it, with setting `attribute_prefix` also the columns of `examples` that begin with it;
  the rest is declared (macro products): `reference_split` is none where there is no such split.

  Arguments
    product   a declaration
    examples  relation of the product's examples

  Example: {% set watched = monitored_columns(product_demand(), ref('demand_examples')) %}
#}
{% macro monitored_columns(product, examples) %}
    {% set found = namespace(meta={}) %}
    {% if execute %}
        {% for node in graph.nodes.values() if node.resource_type == 'model' and node.name == product.model_name %}
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
    {% set reference = product.get('reference', {}) %}
    {% set predictions = reference.get('predictions', product.prediction) %}
    {{ return({
        'numeric': numeric,
        'categorical': categorical,
        'predictions': [predictions] if predictions is string else predictions,
        'reference_split': reference.get('split'),
        'rows': reference.get('rows', 'true'),
    }) }}
{% endmacro %}
