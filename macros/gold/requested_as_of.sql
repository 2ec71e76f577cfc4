{#
  The point in time that this run asks for, an ISO date or `newest` (the day after the newest booking), or none: the dbt var `as_of`, else the day that the var `rescore`
  names, else the environment variable WANDERBRICKS_AS_OF, which dbt need not parse the project anew for. Raises a compiler
  error when it is no date, or not the day to score again.

  Example: {% set requested = requested_as_of() %}
#}
{% macro requested_as_of() %}
    {% if not execute %}
        {{ return(none) }}
    {% endif %}
    {% set given = {
        'var as_of': var('as_of', ''), 'var rescore': var('rescore', ''), 'WANDERBRICKS_AS_OF': env_var('WANDERBRICKS_AS_OF', '')
    } %}
    {% for name, value in given.items() if value | string | trim %}
        {% set as_of = value | string | trim %}
        {% if as_of == 'newest' and name != 'var rescore' %}
            {{ return(as_of) }}
        {% endif %}
        {# no strptime, which raises for 2025-02-30 without a word of where it stands: so many days on, its month is another #}
        {% set parts = as_of.split('-') | map('int') | list
            if modules.re.fullmatch('(?!0000|9999)\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])', as_of) %}
        {% set meant = modules.datetime.date(parts[0], parts[1], 1) + modules.datetime.timedelta(parts[2] - 1) if parts %}
        {% if meant | string != as_of %}
            {{ exceptions.raise_compiler_error(
                name ~ " is '" ~ as_of ~ "'; give an ISO date such as --vars '{as_of: 2025-06-30}', or newest"
            ) }}
        {% endif %}
        {% if var('rescore', '') and var('rescore', '') | string | trim != as_of %}
            {{ exceptions.raise_compiler_error(
                "var rescore is '" ~ var('rescore') ~ "' and " ~ name ~ " '" ~ as_of ~ "'; a day is scored again as of itself, "
                ~ 'leave ' ~ name ~ ' out'
            ) }}
        {% endif %}
        {{ return(as_of) }}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}
