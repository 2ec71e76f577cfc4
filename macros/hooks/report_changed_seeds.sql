{#
  on-run-end: one line where a run failed on a seed whose columns are no longer those of its table, with the command that
  loads it anew: dbt keeps the table of a seed, and where the seed is empty says nothing.

  Example: on-run-end: "{{ report_changed_seeds(results) }}"
#}
{% macro report_changed_seeds(results) %}
    {% set suspects = [] %}
    {% for result in results if result.status == 'error' %}
        {% for unique_id in [result.node.unique_id] + result.node.depends_on.nodes %}
            {% if unique_id.startswith('seed.') and unique_id not in suspects %}
                {% do suspects.append(unique_id) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% set changed = [] %}
    {% for unique_id in suspects %}
        {% set seed = graph.nodes[unique_id] %}
        {% set table = adapter.get_relation(seed.database, seed.schema, seed.alias) %}
        {% set loaded = adapter.get_columns_in_relation(table) | map(attribute='name') | list if table else [] %}
        {% if table and seed.columns | reject('in', loaded) | list %}
            {% do changed.append(seed.name) %}
        {% endif %}
    {% endfor %}
    {% if changed %}
        {{ log(
            'seeds with other columns than their tables: ' ~ changed | join(', ') ~ '. To mend it: dbt seed --full-refresh --select '
            ~ changed | join(' '), info=true
        ) }}
    {% endif %}
{% endmacro %}
