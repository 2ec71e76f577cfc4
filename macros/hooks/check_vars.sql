{#
  on-run-start: raises a compiler error where --vars names what dbt_project.yml does not declare, which dbt itself ignores.
  Jinja sees no list of the declared vars, so that dbt_project.yml hands it over in `config.meta` of point_in_time.

  Example: on-run-start: "{{ check_vars() }}"
#}
{% macro check_vars() %}
    {% if not execute %}
        {{ return('') }}
    {% endif %}
    {% set declared = graph.nodes['model.' ~ project_name ~ '.point_in_time'].config.meta.vars | list %}
    {% set problems = [] %}
    {% for name in invocation_args_dict.vars or {} if name not in declared %}
        {% set nearest = nearest_name(name, declared) %}
        {% do problems.append(
            "var '" ~ name ~ "' does not exist; "
            ~ ("did you mean '" ~ nearest ~ "'?" if nearest else 'dbt_project.yml declares ' ~ declared | sort | join(', '))
        ) %}
    {% endfor %}
    {% if problems %}
        {% do exceptions.raise_compiler_error('nothing was built:\n  ' ~ problems | join('\n  ')) %}
    {% endif %}
    {{ return('') }}
{% endmacro %}
