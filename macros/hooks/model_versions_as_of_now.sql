{#
  on-run-end: the view model_versions anew, where this run looked at a product's versions and left the view out: a failed gate
  skips it, and a selection of one product does not reach it. `wanderbricks registry` reads it without dbt, as long as it knows
  every table that is there. On DuckDB alone: elsewhere dbt is asked.

  Example: on-run-end: "{{ model_versions_as_of_now(results) }}"
#}
{% macro model_versions_as_of_now(results) %}
    {% if not execute %}
        {# what the view reads, as dbt wants to know it of a hook, too #}
        {% for name in ['point_in_time', 'registry_decisions', 'experiment_state', 'performance_targets'] %}{% do ref(name) %}{% endfor %}
        {% for product in products() %}
            {% for name in [
                product.model_name, product.product ~ '_metrics', product.product ~ '_champion', product.predictions
            ] %}{% do ref(name) %}{% endfor %}
        {% endfor %}
    {% else %}
        {% set view = graph.nodes['model.' ~ project_name ~ '.model_versions'] %}
        {% set written = results | selectattr('status', 'equalto', 'success') | map(attribute='node.name') | list %}
        {% set predictors = products() | map(attribute='model_name') | list %}
        {% if target.type == 'duckdb' and 'model_versions' not in written and not flags.EMPTY
            and written | select('in', predictors) | list %}
            {% call statement('view', auto_begin=true) %}create or replace view {{ view.relation_name }} as {{ render(view.raw_code) }}{% endcall %}
            {# a hook commits nothing by itself #}
            {% do adapter.commit() %}
        {% endif %}
    {% endif %}
{% endmacro %}
