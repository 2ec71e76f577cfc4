{#
  No row of seed `experiments` is wrong. On `experiment_state` with severity warn, which every product builds and no
  product may stop at, and on `ab_results` as an error. Rows say what to do.

  Example
    data_tests:
      - experiments_are_valid
#}
{% test experiments_are_valid(model) %}
    select 'seeds/experiments.csv, ' || experiment_name || ': ' || problem as message
    from {{ model }}
    where problem is not null
{% endtest %}
