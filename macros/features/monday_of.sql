{# The Monday of a date's week. Example: {{ monday_of('forecast_date') }} #}
{% macro monday_of(date) -%}
    {{ date }} - cast({{ iso_weekday(date) }} - 1 as int)
{%- endmacro %}
