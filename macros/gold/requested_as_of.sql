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
        {# no strptime, which raises for 2025-02-30 without a word of where it stands #}
        {% set parts = as_of.split('-') | map('int') | list if modules.re.fullmatch('\\d{4}-(0[1-9]|1[0-2])-\\d{2}', as_of) else [] %}
        {% set months = parts[0] * 12 + parts[1] if parts else 0 %}
        {% set days = (modules.datetime.date(months // 12, months % 12 + 1, 1) - modules.datetime.timedelta(1)).day
            if parts and 0 < parts[0] < 9999 else 0 %}
        {% if not parts or not 1 <= parts[2] <= days %}
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
