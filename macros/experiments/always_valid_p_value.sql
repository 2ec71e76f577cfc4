{#
  P-value that holds at every look, the counterpart of always_valid_width: one over the likelihood ratio of the normal
  mixture against no difference (Robbins 1970; Johari, Koomen, Pekelis and Walsh 2022, "Always valid inference", Operations
  Research 70), 1 at most.

  Arguments
    z         column: the difference over its standard error
    progress  as in always_valid_width

  Example: {{ always_valid_p_value('z', 'progress') }}
#}
{% macro always_valid_p_value(z, progress) -%}
    least(1e0, sqrt({{ progress }} + 1) * exp(-{{ z }} * {{ z }} / 2 * {{ progress }} / ({{ progress }} + 1)))
{%- endmacro %}
