{#
  On model alerts: no problem of a severity is open. Its own severity says what that is worth to dbt.

  Arguments
    of_severity  warn or error

  Fails with the open alerts and a message each, the newest evidence in it.

  Example
    data_tests:
      - has_no_open_alert:
          arguments: {of_severity: warn}
          config: {severity: warn}
#}
{% test has_no_open_alert(model, of_severity) %}
    {% if of_severity not in ['warn', 'error'] %}
        {{ exceptions.raise_compiler_error("has_no_open_alert: of_severity is '" ~ of_severity ~ "'; it takes warn or error") }}
    {% endif %}
    select
        *,
        'alert: ' || model_name || ' ' || kind || ' since ' || cast(since as {{ dbt.type_string() }})
        || ': ' || coalesce(evidence, 'no evidence') as message
    from {{ model }}
    where severity = '{{ of_severity }}'
{% endtest %}
