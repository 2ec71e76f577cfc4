{#
  on-run-start: raises a compiler error where --vars names what dbt_project.yml does not declare, which dbt itself ignores, or
  gives a text where the default is true or false (any text counts as true), a number or a list (a text's letters).
  Jinja sees no list of the declared vars, so that dbt_project.yml hands it over in `config.meta` of point_in_time.

  Example: on-run-start: "{{ check_vars() }}"
#}
{% macro check_vars() %}
    {% if not execute %}
        {{ return('') }}
    {% endif %}
    {% set declared = graph.nodes['model.' ~ project_name ~ '.point_in_time'].config.meta.vars %}
    {% set problems = [] %}
    {% for name, value in (invocation_args_dict.vars or {}).items() %}
        {% if name not in declared %}
            {% set nearest = nearest_name(name, declared | list) %}
            {% do problems.append(
                "var '" ~ name ~ "' does not exist; "
                ~ ("did you mean '" ~ nearest ~ "'?" if nearest else 'dbt_project.yml declares ' ~ declared | sort | join(', '))
            ) %}
        {% elif declared[name] is boolean and value is not boolean %}
            {% do problems.append('var ' ~ name ~ " is '" ~ value ~ "'; it takes true or false") %}
        {% elif declared[name] is number and declared[name] is not boolean
            and not modules.re.fullmatch('-?\\d+([.]\\d+)?(e[+-]?\\d+)?', value | string | trim) %}
            {% do problems.append('var ' ~ name ~ " is '" ~ value ~ "'; it takes a number") %}
        {% elif declared[name] is iterable and declared[name] is not string and (value is string or value is not iterable) %}
            {% do problems.append('var ' ~ name ~ " is '" ~ value ~ "'; it takes a list such as [" ~ value ~ ']') %}
        {% endif %}
    {% endfor %}
    {% if problems %}
        {% do exceptions.raise_compiler_error('nothing was built:\n  ' ~ problems | join('\n  ')) %}
    {% endif %}
    {{ return('') }}
{% endmacro %}
