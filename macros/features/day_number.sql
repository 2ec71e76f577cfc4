{#
  Days from 1970-01-01 to a date, a whole number.

  Example: {{ day_number('check_in_date') }}
#}
{% macro day_number(date) %}{{ dbt.datediff("cast('1970-01-01' as date)", date, 'day') }}{% endmacro %}
