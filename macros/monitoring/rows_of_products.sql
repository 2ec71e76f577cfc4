{#
  Rows of one table of every product, one product below the other, with the product's model_name; no rows of a table that
  was never built.

  Arguments
    table    entry of a declaration that names the table, `model_name` or `predictions`; else what follows the product's name
    columns  columns wanted
    read     macro that reads a table: ref_if_built, or previous_run for model_state
    later    those of the columns that tables of an earlier release may lack

  Example: select * from ({{ rows_of_products('_champion', ['model_version', 'serves']) }}) as verdicts
#}
{% macro rows_of_products(table, columns, read=ref_if_built, later=[]) %}
    {% for product in products() %}
        {% set name = product.get(table, product.product ~ table) %}
        select
            '{{ product.model_name }}' as model_name,
            {{ columns | join(',\n            ') }}
        from ({{ read(name, columns, later) if later else read(name, columns) }}) as of_product
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
