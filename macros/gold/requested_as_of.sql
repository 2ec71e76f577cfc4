{#
  The dbt var `as_of` as an ISO date, or none when it is not set.
  Raises a compiler error when it is no date.

  Example: {% set requested = requested_as_of() %}
#}
{% macro requested_as_of() %}
    {% set as_of = var('as_of', '') | string | trim %}
    {% if as_of == '' %}
        {{ return(none) }}
    {% endif %}
    {% if not modules.re.fullmatch('\\d{4}-\\d{2}-\\d{2}', as_of) %}
        {{ exceptions.raise_compiler_error(
            "var as_of is '" ~ as_of ~ "'; give an ISO date such as --vars '{as_of: 2025-06-30}'"
        ) }}
    {% endif %}
    {# strptime raises for dates such as 2025-02-30 #}
    {% do modules.datetime.datetime.strptime(as_of, '%Y-%m-%d') %}
    {{ return(as_of) }}
{% endmacro %}
