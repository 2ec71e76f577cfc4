{#
  The splits of a product of which rows are wanted: all where a fit is due, else those to score, if they are due. With
  row_limit, the most rows that are drawn of each; those to score are never drawn.

  Arguments
    product          name, prefix of its splits and its decision
    training_rows    most rows to learn from
    evaluation_rows  most rows of each other split
    learn            split that is learned from

  Example: {{ due_splits('demand', var('demand_training_rows'), var('demand_evaluation_rows')) }}
#}
{% macro due_splits(product, training_rows, evaluation_rows, learn='train') %}
    select
        splits.*,
        case splits.split
            when 'score' then null
            when '{{ learn }}' then {{ training_rows }}
            else {{ evaluation_rows }}
        end as row_limit
    from {{ ref(product ~ '_splits') }} as splits
    cross join {{ ref(product ~ '_retraining') }} as decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)
{% endmacro %}
