{#
  on-run-end: prints the `message` column of every test of ours that failed or warned, above dbt's
  summary, since dbt itself prints only a count of rows.
#}
{% macro report_verdicts(results) %}
    {% if execute %}
        {# two tests may say the same of one version #}
        {% set said = [] %}
        {% for result in results if result.node.resource_type == 'test' and result.status in ['fail', 'warn'] %}
            {% if 'as message' in (result.node.compiled_code or '') %}
                {% for row in run_query('select distinct message from (' ~ result.node.compiled_code ~ ') as failed limit 20') %}
                    {% if row['message'] not in said %}
                        {% do said.append(row['message']) %}
                        {{ log(result.status ~ ': ' ~ row['message'], info=true) }}
                    {% endif %}
                {% endfor %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
