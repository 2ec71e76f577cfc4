{#
  On a <product>_champion model, with severity warn: the data cannot teach the product, or the version that serves
  misses a target of severity `warn`. Rows carry the verdict.

  Example
    data_tests:
      - serves_without_warning:
          config: {severity: warn}
#}
{% test serves_without_warning(model) %}
    select
        model_version,
        verdict as message
    from {{ model }}
    where not is_learnable or (serves and missed_targets is not null)
{% endtest %}
