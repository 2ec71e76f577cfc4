{#
  on-run-end: prints the `message` column of every test of ours that failed or warned, above dbt's summary, since dbt itself
  prints only a count of rows; and of dbt's `relationships` the values that are not known.

  Arguments
    results  of on-run-end
    touched  list of products_of_run, whose gates report_products tells of: what their tests say is left out here

  Example: on-run-end: "{{ report_failed_tests(results) }}"
#}
{% macro report_failed_tests(results, touched=[]) %}
    {% if execute %}
        {# two tests may say the same of one version #}
        {% set said = [] %}
        {% for result in results if result.node.resource_type == 'test' and result.status in ['fail', 'warn'] %}
            {% set is_said = (
                (result.node.test_metadata or {}).name in ['serves_a_version_that_passes', 'serves_without_warning']
                and result.node.attached_node.split('.')[-1].removesuffix('_champion') in touched | map(attribute='product')
            ) %}
            {% if (result.node.test_metadata or {}).name == 'relationships' %}
                {% for message in unknown_values(result.node) %}{{ log(result.status ~ ': ' ~ message, info=true) }}{% endfor %}
            {% endif %}
            {% if 'as message' in (result.node.compiled_code or '') and not is_said %}
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
