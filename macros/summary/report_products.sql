{#
  on-run-end: what the run achieved, a few lines for each product that it touched; of a run of monitoring alone, what that
  found. One query looks at the tables.

  Example: on-run-end: "{{ report_products(results) }}"
#}
{% macro report_products(results) %}
    {% if not execute or flags.EMPTY or flags.WHICH not in ('run', 'build', 'retry') %}
        {{ return('') }}
    {% endif %}
    {% set touched, lines = products_of_run(results), [] %}
    {% set monitoring = namespace(status=none) %}
    {% for result in results if result.node.name == 'alerts' %}{% set monitoring.status = result.status | string %}{% endfor %}
    {% if touched %}
        {% do lines.extend(lines_of_products(touched, run_query(outcomes_of_products(touched)))) %}
        {% if monitoring.status == 'skipped' %}
            {% do lines.extend(['', '  monitoring was skipped, as after any failure; run it: dbt build --selector monitoring']) %}
        {% endif %}
    {% elif monitoring.status == 'success' %}
        {% do lines.extend(lines_of_operations(run_query(outcomes_of_operations()))) %}
    {% endif %}
    {% for line in lines %}
        {{ log(line, info=true) }}
    {% endfor %}
{% endmacro %}
