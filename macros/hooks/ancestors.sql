{#
  Everything upstream of a node, by unique_id.

  Example: {{ ancestors('model.wanderbricks_ml.demand_predictor') }}
#}
{% macro ancestors(unique_id) %}
    {% set found = [] %}
    {% set waiting = [unique_id] %}
    {# a loop as long as the graph: Jinja has no while #}
    {% for _ in graph.nodes if waiting %}
        {% for parent in graph.nodes.get(waiting.pop(), {}).get('depends_on', {}).get('nodes', []) if parent not in found %}
            {% do found.append(parent) %}
            {% do waiting.append(parent) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
