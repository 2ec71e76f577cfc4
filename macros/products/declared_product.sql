{#
  The declaration of the product that a name belongs to.

  Argument
    name  of the product or of its registered model

  Example: {% set product = declared_product('demand_predictor') %}
#}
{% macro declared_product(name) %}
    {% for product in products() if name in [product.product, product.model_name] %}
        {{ return(product) }}
    {% endfor %}
    {{ exceptions.raise_compiler_error(
        "there is no product or model '" ~ name ~ "'; declared in macros/products are "
        ~ products() | map(attribute='model_name') | join(', ')
    ) }}
{% endmacro %}
