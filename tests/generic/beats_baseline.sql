{#
  The gate's second half, on a <product>_champion model: fails where no version serves and one that was
  considered does not beat its baseline clearly (paired over dates). Rows carry the verdict in words.

  Example
    data_tests:
      - beats_baseline
#}
{% test beats_baseline(model) %}
    select
        model_version,
        verdict as message
    from {{ model }}
    where
        is_learnable
        and model_version is not null
        and not beats_baseline
        and (select count(*) from {{ model }} where serves) = 0
{% endtest %}
