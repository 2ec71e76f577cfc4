{#
  Weight of an event that halves every `half_life` days, in millionths: whole numbers add up to the same in any order.

  Arguments: expression of the age in days; half-life in days.
  Example: sum({{ decayed_weight('age_days', half_life=60) }}) / 1e6
#}
{% macro decayed_weight(age, half_life) -%}
    cast(floor(1000000 * power(0.5e0, ({{ age }}) / {{ half_life }}e0)) as bigint)
{%- endmacro %}
