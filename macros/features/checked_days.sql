{#
  A number of days that a var gives, checked: a compiler error where it is no whole number from `least` to `most`.

  Arguments
    name         the var
    given        its value
    least, most  days that it takes

  Example: {% set label_days = checked_days('customer_ltv_days', var('customer_ltv_days'), 30, 365) %}
#}
{% macro checked_days(name, given, least, most) %}
    {% if given | string != given | int | string or given | int < least or given | int > most %}
        {{ exceptions.raise_compiler_error("var " ~ name ~ " is " ~ given ~ "; it takes whole days, " ~ least ~ " to " ~ most) }}
    {% endif %}
    {{ return(given | int) }}
{% endmacro %}
