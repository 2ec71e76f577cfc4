{#
  The first date that this run writes to a table which it adds to, so that tests look at what is new: a model notes it, the
  tests of that model ask for it. Nothing is known, and so everything is to be looked at, where the table was built whole
  (a first build, --full-refresh) and in `dbt test`, which writes nothing.

  note_written_from(date): called in an incremental model that is not built whole; `date` is an SQL expression.
  written_from(relation): that expression, or none. `relation`: the `model` of a generic test.

  Example: {% set since = written_from(model) %}
#}
{% macro note_written_from(date) %}
    {% if execute and model.unique_id in graph.get('nodes', {}) %}
        {% do graph.nodes[model.unique_id].update({'written_from': date}) %}
    {% endif %}
{% endmacro %}

{% macro written_from(relation) %}
    {% set found = namespace(date=none) %}
    {% if execute and flags.WHICH == 'build' %}
        {% for node in graph.nodes.values() if node.resource_type == 'model' and node.alias == relation.identifier %}
            {% set found.date = node.get('written_from') %}
        {% endfor %}
    {% endif %}
    {{ return(found.date) }}
{% endmacro %}
