{#
  The first day that is a given weekday, on a date or after it.

  Arguments
    date     date expression
    weekday  expression: Monday 1 to Sunday 7

  Example: {{ first_weekday("cast('2025-08-01' as date)", 7) }} is 2025-08-03, a Sunday
#}
{% macro first_weekday(date, weekday) -%}
    {{ date }} + cast(mod({{ weekday }} + 7 - {{ iso_weekday(date) }}, 7) as int)
{%- endmacro %}
