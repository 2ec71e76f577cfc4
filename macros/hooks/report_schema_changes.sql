{#
  on-run-end: one line for each incremental table whose columns have changed, which dbt refuses to write, with the command
  that mends it. Where a product learns from a new column, also the one that fits a version that knows it.

  Example: on-run-end: "{{ report_schema_changes(results) }}"
#}
{% macro report_schema_changes(results) %}
    {% for result in results if 'on this incremental model are out of sync' in (result.message or '') %}
        {% set changed = schema_changes(result.message) %}
        {% set model = result.node %}
        {# history would be lost by a full refresh, which therefore leaves it alone #}
        {% set keeps_history = model.config.full_refresh is sameas false %}
        {% if keeps_history and changed.retyped %}
            {% set mend = 'name ' ~ changed.retyped | join(', ') ~ ' otherwise, as a table that keeps history keeps its types' %}
        {% elif keeps_history %}
            {% set mend = "dbt run-operation alter_columns --args '" ~ {
                'model': model.name, 'add': changed.added, 'remove': changed.removed | list
            } | tojson ~ "'" ~ (', which drops ' ~ changed.removed | join(', ') ~ ' with what it holds' if changed.removed else '') %}
        {% else %}
            {% set mend = 'dbt build --full-refresh --select ' ~ model.name %}
        {% endif %}
        {% set learners = learners_from(model.unique_id, changed.added | list) %}
        {{ log(
            model.name ~ ' is not written: ' ~ [
                'new ' ~ changed.added | join(', ') if changed.added,
                'gone ' ~ changed.removed | join(', ') if changed.removed,
                'of another type ' ~ changed.retyped | join(', ') if changed.retyped,
            ] | select | join('; ') ~ '. To mend it: ' ~ mend
            ~ (
                "; then dbt build --select +" ~ learners | join(' +') ~ " --vars 'retrain: force'" if learners else ''
            ),
            info=true
        ) }}
    {% endfor %}
{% endmacro %}
