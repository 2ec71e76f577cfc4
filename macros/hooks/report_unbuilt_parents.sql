{#
  on-run-end: one line for each model that reads one which was never built, with the selection that builds both.

  Example: on-run-end: "{{ report_unbuilt_parents(results) }}"
#}
{% macro report_unbuilt_parents(results) %}
    {% for result in results if result.status == 'error' and result.node.resource_type == 'model' %}
        {% set parent = unbuilt_parent(result) %}
        {% if parent %}
            {{ log(
                result.node.name ~ ' reads ' ~ parent ~ ', which was never built. A + builds what it needs, too: dbt build --select +'
                ~ result.node.name, info=true
            ) }}
        {% endif %}
    {% endfor %}
{% endmacro %}
