{#
  On a <product>_champion model, with severity warn: says which product the data cannot teach, and why.

  Example
    data_tests:
      - is_learnable:
          config: {severity: warn}
#}
{% test is_learnable(model) %}
    select verdict as message
    from {{ model }}
    where not is_learnable
{% endtest %}
