{#
  Rows that one process reads to fit: fewer where a serverless driver reads them.

  Example: {% set rows = driver_rows() %}
#}
{% macro driver_rows() %}
    {% set method = var('submission_method', '') or env_var('DATABRICKS_SUBMISSION_METHOD', '') or 'serverless_cluster' %}
    {% if target.type == 'databricks' and method == 'serverless_cluster' %}
        {{ return([var('driver_rows'), var('serverless_driver_rows')] | min) }}
    {% endif %}
    {{ return(var('driver_rows')) }}
{% endmacro %}
