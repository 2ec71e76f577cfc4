{#
  The gate's first half, on a <product>_champion model: fails where no version serves and one that was
  considered misses a target of severity `error`. Rows carry the verdict in words.

  Example
    data_tests:
      - meets_performance_targets
#}
{% test meets_performance_targets(model) %}
    select
        model_version,
        verdict as message
    from {{ model }}
    where
        is_learnable
        and not meets_targets
        and (select count(*) from {{ model }} where serves) = 0
{% endtest %}
