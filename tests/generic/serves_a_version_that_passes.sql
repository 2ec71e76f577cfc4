{#
  The gate, on a <product>_champion model: exactly one version serves, and it meets its targets of severity `error` and
  beats its baseline, unless the data cannot teach the product (see serves_without_warning). Rows carry the verdict.

  Example
    data_tests:
      - serves_a_version_that_passes
#}
{% test serves_a_version_that_passes(model) %}
    select
        model_version,
        verdict as message
    from {{ model }}
    where
        (serves and not passes)
        or (is_learnable and (select count(*) from {{ model }} where serves) <> 1)
{% endtest %}
