-- What a run says of products: each state has its words, and no line is longer than the 90 columns that dbt's clock leaves.
{% set as_of = modules.datetime.date(2025, 8, 1) %}
{% set usual = {
    'as_of_date': as_of, 'fit_due': true, 'score_due': true, 'reason': 'no_champion', 'evidence': none, 'not_learnable': none,
    'next_due_date': none, 'model_version': 1, 'role': 'candidate', 'is_learnable': true, 'serves': true, 'passes': true,
    'beats_baseline': true, 'metric_name': 'log_loss', 'metric': '0.4167', 'baseline': '2107.4341',
    'missed_targets': none, 'scoring_date': as_of, 'row_count': 2700, 'first_date': as_of,
    'last_date': modules.datetime.date(2025, 8, 30), 'on_terminal': false,
} %}
{% set none_serves = {'serves': false, 'passes': false, 'scoring_date': none, 'row_count': none} %}
{% set yesterday = modules.datetime.date(2025, 7, 31) %}
{# rows of each product that differ from the usual one, what stopped it, and words that its lines hold #}
{% set cases = {
    'serving': ([{}], none, ['serves', 'v1: log loss 0.4167 beats the baseline\'s 2,107', 'fitted since nothing served yet',
        '2,700 rows for 2025-08-01 to 2025-08-30 published']),
    'missing': ([{'missed_targets': 'f1 0.457 is below the target of 0.75', 'fit_due': false, 'reason': 'not_due',
        'next_due_date': as_of, 'score_due': false}], none,
        ['amber', 'F1 0.457 is below the target of 0.75', 'not fitted: next due 2025-08-01', '2025-08-30, as they were', 'next: ']),
    'failing': ([dict(none_serves, beats_baseline=false)], none,
        ['red', 'v1: log loss 0.4167, the baseline\'s 2,107: no proven gain', 'nothing is published', 'next: more gold']),
    'untaught': ([dict(none_serves, model_version=none, is_learnable=false, not_learnable='too few bookings')], none,
        ['not learnable', 'too few bookings', 'nothing is published']),
    'losing': ([{}, dict(none_serves, model_version=2, passes=true)], none,
        ['serves', 'v1: ', 'v2 passes too, but is not better by enough: v1 stays']),
    'broken': ([{'scoring_date': yesterday}], 'broken_scores',
        ['red', 'stopped by broken_scores', '2,700 rows of 2025-07-31 stay', 'then dbt retry']),
    'unreached': ([], 'gold_checks', ['untouched', 'stopped by gold_checks', 'nothing is published']),
} %}
{% set touched, rows = [], [] %}
{% for name, (differences, stopped, _) in cases.items() %}
    {% do touched.append({
        'product': name, 'model_name': name ~ '_predictor', 'predictions': name ~ '_predictions', 'date': none, 'stopped': stopped,
        'is_own': name == 'broken',
        'statuses': {name ~ '_predictor': 'success', name ~ '_champion': 'skipped' if name == 'unreached' else 'success'},
    }) %}
    {% for difference in differences %}{% do rows.append(dict(usual, product=name, **difference)) %}{% endfor %}
{% endfor %}
{% set lines = lines_of_products(touched, rows) %}
{% set wrong = [] %}
{% for line in lines if line | length > 90 %}{% do wrong.append('long: ' ~ line) %}{% endfor %}
{% for product in touched %}
    {% set words = words_of_product(product, rows | selectattr('product', 'equalto', product.product) | list) %}
    {% set said = words.state ~ '\n' ~ words.sentences | join('\n') %}
    {% for expected in cases[product.product][2] if expected not in said %}
        {% do wrong.append(product.product ~ ' lacks ' ~ expected ~ ' in ' ~ said) %}
    {% endfor %}
{% endfor %}
{% for command in ['report       wanderbricks report --out site/report', 'versions     wanderbricks registry list'] %}
    {% if '  ' ~ command not in lines %}{% do wrong.append('no word of ' ~ command) %}{% endif %}
{% endfor %}
{% if lines[1] != 'Products as of 2025-08-01: 2 serve, 1 amber, 2 red, 1 not learnable, 1 untouched' %}
    {% do wrong.append(lines[1]) %}
{% endif %}

with found as (

    {% for problem in wrong or [''] %}
        select '{{ problem | replace("'", "") }}' as problem
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select problem
from found
where problem <> ''
