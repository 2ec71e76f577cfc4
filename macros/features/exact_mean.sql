{#
  Mean of a number to twelve decimals, the same whatever order the rows are added in, as sums of doubles are not.

  Arguments
    expression  number, of a size that leaves twelve decimals in 28 digits
    over        window, if it is one

  Example: {{ exact_mean('ln(base_price)', 'over (partition by destination_id)') }}
#}
{% macro exact_mean(expression, over='') -%}
    cast(sum(cast({{ expression }} as decimal(28, 12))) {{ over }} as double) / count({{ expression }}) {{ over }}
{%- endmacro %}
