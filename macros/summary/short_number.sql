{#
  A number as a reader wants it, four digits of it; what is no number stays as it is.

  Example: {{ short_number('2107.4341') }} is 2,107
#}
{% macro short_number(text) %}
    {% if not modules.re.fullmatch('-?[0-9.]+', text or '') %}{{ return(text) }}{% endif %}
    {% set number = text | float %}
    {{ return('{:,.0f}'.format(number) if number | abs >= 1000 else '{:.4g}'.format(number)) }}
{% endmacro %}
