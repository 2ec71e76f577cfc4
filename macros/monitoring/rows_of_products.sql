{#
  Rows of one table of every product, one product below the other, with the product's model_name; no rows of a table that
  was never built.

  Arguments
    table    entry of a declaration that names the table, `model_name` or `predictions`; else what follows the product's name
    columns  columns wanted
    read     macro that reads a table: ref_if_built, or previous_run for model_state

  Example: select * from ({{ rows_of_products('_champion', ['model_version', 'serves']) }}) as verdicts
#}
{% macro rows_of_products(table, columns, read=ref_if_built) %}
    {% for product in products() %}
        select
            '{{ product.model_name }}' as model_name,
            {{ columns | join(',\n            ') }}
        from ({{ read(product.get(table, product.product ~ table), columns) }}) as of_product
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
