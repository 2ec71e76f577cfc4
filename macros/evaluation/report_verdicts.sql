{#
  on-run-end: prints the `message` column of every test of ours that failed or warned, above dbt's
  summary, since dbt itself prints only a count of rows.
#}
{% macro report_verdicts(results) %}
    {% if execute %}
        {% for result in results if result.node.resource_type == 'test' and result.status in ['fail', 'warn'] %}
            {% if 'as message' in (result.node.compiled_code or '') %}
                {% for row in run_query('select distinct message from (' ~ result.node.compiled_code ~ ') as failed limit 20') %}
                    {{ log(result.status ~ ': ' ~ row['message'], info=true) }}
                {% endfor %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
