{#
  Whether a run fitted a version, and why or why not, in words.

  Arguments
    product  entry of products_of_run
    row      row of outcomes_of_products
#}
{% macro fit_words(product, row) %}
    {% set why = {
        'forced': 'as asked for', 'unfinished': 'left by a run that stopped', 'no_champion': 'since nothing served yet',
        'drift': 'for drift', 'performance': 'as quality fell', 'schedule': 'by schedule', 'never': 'retrain is never',
    }.get(row['reason'], row['reason'] or 'no reason') %}
    {% set evidence = ': ' ~ row['evidence'] if row['evidence'] else '' %}
    {% if row['fit_due'] and product.model_name in product.statuses %}
        {{ return(('judged now, ' if row['reason'] == 'unfinished' else 'fitted ') ~ why ~ evidence) }}
    {% elif row['fit_due'] %}
        {{ return('a fit is due (' ~ row['reason'] ~ evidence ~ '), which the training job does') }}
    {% elif row['reason'] == 'not_due' and row['next_due_date'] %}
        {{ return('not fitted: next due ' ~ row['next_due_date']) }}
    {% else %}
        {{ return('not fitted: ' ~ ('not due' if row['reason'] == 'not_due' else why)) }}
    {% endif %}
{% endmacro %}
