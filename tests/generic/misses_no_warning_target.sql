{#
  On a <product>_champion model, with severity warn: the version that serves misses a target of
  severity `warn`.

  Example
    data_tests:
      - misses_no_warning_target:
          config: {severity: warn}
#}
{% test misses_no_warning_target(model) %}
    select
        model_version,
        verdict as message
    from {{ model }}
    where serves and missed_targets is not null
{% endtest %}
