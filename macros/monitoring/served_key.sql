{#
  The scoring date and key of a served row as one text, by which the inference log and the public table are joined.

  Arguments
    product  a declaration
    column   {name: text expression} of scoring_date and the columns of the public key; none: columns of these names

  Example: {{ served_key(product_churn()) }}
#}
{% macro served_key(product, column=none) -%}
    {%- set names = ['scoring_date'] + product.public_key -%}
    {#- of a ranking all rows are one answer -#}
    {%- if product.task == 'ranking' %}{% set names = names[:-1] %}{% endif -%}
    {%- for name in names -%}
        {{ column[name] if column else 'cast(' ~ name ~ ' as ' ~ dbt.type_string() ~ ')' }}{{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
