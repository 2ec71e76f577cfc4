{#
  Public tables of the products that learn from one of `columns` of a model upstream of them.

  Arguments
    unique_id  of the model, as in `graph.nodes`
    columns    names; a product's are the features in `config.meta` of the model that fits it

  Example: {{ learners_from('model.wanderbricks_ml.property_features', ['base_price']) }}
#}
{% macro learners_from(unique_id, columns) %}
    {% set learners = [] %}
    {% for row in products() %}
        {% set predictor = 'model.' ~ project_name ~ '.' ~ row.model_name %}
        {% set meta = graph.nodes[predictor].config.meta %}
        {% set features = (meta.numeric or []) + (meta.categorical or []) %}
        {% if columns | select('in', features) | list and unique_id in ancestors(predictor) %}
            {% do learners.append(row.predictions) %}
        {% endif %}
    {% endfor %}
    {{ return(learners) }}
{% endmacro %}
