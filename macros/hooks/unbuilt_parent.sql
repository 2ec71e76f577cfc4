{#
  The model that a node reads and that was never built, by the error that it ended with; none where that was another.

  Argument
    result  of on-run-end, with status error

  Example: {% set parent = unbuilt_parent(result) %}
#}
{% macro unbuilt_parent(result) %}
    {% set message = result.message or '' %}
    {% if 'does not exist' in message or 'TABLE_OR_VIEW_NOT_FOUND' in message %}
        {% for unique_id in result.node.depends_on.nodes %}
            {% set parent = graph.nodes.get(unique_id) %}
            {% if parent and modules.re.search('\\b' ~ parent.alias ~ '\\b', message)
                and adapter.get_relation(parent.database, parent.schema, parent.alias) is none %}
                {{ return(parent.name) }}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}
