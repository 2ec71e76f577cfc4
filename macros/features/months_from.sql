{#
  The date some whole months after another; the last day of a month that is shorter.

  Arguments
    date    date expression
    months  whole number, or expression of one

  Example: {{ months_from('stay_month', -12) }}
#}
{% macro months_from(date, months) %}cast({{ dbt.dateadd('month', months, date) }} as date){% endmacro %}
