{#
  Rows of one table of every product, one product below the other, with the product's model_name; no rows of a table that
  was never built (ref_if_built).

  Arguments
    table    entry of a declaration that names the table, `model_name` or `predictions`; else what follows the product's name
    columns  columns wanted
    later    those of them that tables of an earlier release may lack

  Example: select * from ({{ rows_of_products('_champion', ['model_version', 'serves']) }}) as verdicts
#}
{% macro rows_of_products(table, columns, later=[]) %}
    {% for product in products() %}
        select
            '{{ product.model_name }}' as model_name,
            {{ columns | join(',\n            ') }}
        from ({{ ref_if_built(product.get(table, product.product ~ table), columns, later) }}) as of_product
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
