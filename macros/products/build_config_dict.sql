{#
  dbt's own macro that hands a Python model its config, with what `config.meta` leaves out: a product's YAML names the product
  and says how it is fitted; its declaration says the rest, so that it stands once for SQL and Python.

  Argument
    model  the node that is compiled
#}
{% macro build_config_dict(model) %}
    {% set meta = model.config.get('meta', {}) %}
    {% if meta.get('product') is string %}
        {% set settings = settings_of(declared_product(meta.product)) %}
        {% do settings.update(meta) %}
        {% set model = dict(model, config=dict(model.config, meta=settings)) %}
    {% endif %}
    {{ '\n' ~ dbt.build_config_dict(model) | trim }}
{% endmacro %}

{# What Python is told of a product beside its own config.meta: a dict. #}
{% macro settings_of(product) %}
    {# Unity Catalog has three levels, whatever the target's name #}
    {% set settings = {
        'registry_prefix': target.database ~ '.' ~ target.schema ~ '.' if target.type == 'databricks' else '',
        'examples': product.product ~ '_examples',
        'driver_rows': driver_rows(),
        'surroundings': surroundings(),
    } %}
    {% for name in ['model_name', 'label', 'prediction', 'baseline', 'date', 'keys', 'keep', 'group'] if name in product %}
        {% do settings.update({name: product[name]}) %}
    {% endfor %}
    {{ return(settings) }}
{% endmacro %}
