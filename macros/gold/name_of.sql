{#
  The name of a number, counted from 1.

  Arguments
    number  an expression
    names   in order

  Example: {{ name_of('month', ['January', 'February']) }} as month_name
#}
{% macro name_of(number, names) -%}
    case {{ number }}
        {%- for name in names %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end
{%- endmacro %}
