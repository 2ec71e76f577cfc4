{#
  Day of the week of a date, Monday 1 to Sunday 7.

  Example: {{ iso_weekday('check_in_date') }}
#}
{% macro iso_weekday(date) %}
    {{ return(adapter.dispatch('iso_weekday', 'wanderbricks_ml')(date)) }}
{% endmacro %}

{% macro duckdb__iso_weekday(date) %}isodow({{ date }}){% endmacro %}

{% macro databricks__iso_weekday(date) %}extract(dayofweek_iso from {{ date }}){% endmacro %}
