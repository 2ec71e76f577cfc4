{#
  What a run achieved for one product: {state, sentences}. States are serves, amber, red, not learnable and untouched.

  Arguments
    product  entry of products_of_run
    rows     its rows of outcomes_of_products, one a version considered; none where it was never decided on
#}
{% macro words_of_product(product, rows) %}
    {% set name, model, said = product.product, product.model_name, [] %}
    {% set row = rows[0] if rows else none %}
    {% set stands = row and row['scoring_date'] %}
    {% set there = '{:,}'.format(row['row_count'] | int) ~ ' rows' if stands else none %}
    {% set whole = 'next: dbt build --select +' ~ product.predictions %}
    {% set again = whole if product.lacks else 'next: mend what is said of it, then dbt retry' %}

    {% if row is none or (product.stopped and product.statuses.get(name ~ '_champion', 'skipped') != 'success') %}
        {% do said.append('stopped by ' ~ product.stopped if product.stopped else 'no decision is there yet') %}
        {% do said.append(there ~ ' of ' ~ row['scoring_date'] ~ ' stay' if stands else 'nothing is published') %}
        {% do said.append(again if product.stopped else whole) %}
        {{ return({'state': 'red' if product.is_own else 'untouched', 'sentences': said}) }}
    {% endif %}

    {% set best = namespace(row=row, candidate=none) %}
    {% for other in rows %}
        {% if other['role'] == 'candidate' %}{% set best.candidate = other %}{% endif %}
    {% endfor %}
    {% set best.row = (rows | selectattr('serves') | list or [best.candidate or row])[0] %}
    {% set shown = best.row %}
    {% set version = 'v' ~ shown['model_version'] | int %}
    {% set missed = metric_words(shown['missed_targets']).split(', ') if shown['missed_targets'] else [] %}

    {% if shown['model_version'] is none %}
        {% do said.append(row['not_learnable'] or 'there is no version, and none was fitted: ' ~ row['reason']) %}
    {% else %}
        {% do said.append(
            version ~ ': ' ~ metric_words(shown['metric_name']) ~ ' ' ~ (short_number(shown['metric']) or 'not measured')
            ~ (' beats' if shown['beats_baseline'] else ',') ~ " the baseline's " ~ (short_number(shown['baseline']) or 'unknown')
            ~ ('' if shown['beats_baseline'] else ': no proven gain')
        ) %}
        {% do said.extend(missed) %}
        {% do said.append(fit_words(product, row)) %}
        {% if shown['serves'] and best.candidate and not best.candidate['serves'] %}
            {% do said.append(
                'v' ~ best.candidate['model_version'] | int ~ (
                    ' passes too, but is not better by enough: ' if best.candidate['passes'] else ' does not pass: '
                ) ~ version ~ ' stays'
            ) %}
        {% endif %}
        {% if row['not_learnable'] %}
            {% do said.append('no longer learnable: ' ~ row['not_learnable']) %}
        {% endif %}
    {% endif %}

    {% if not shown['serves'] %}
        {% set state = 'red' if shown['is_learnable'] else 'not learnable' %}
        {% do said.append(there ~ ' of ' ~ row['scoring_date'] ~ ' stay' if stands else 'nothing is published') %}
        {% if state == 'not learnable' %}
            {% do said.append('next: nothing to mend; more gold teaches it') %}
        {% elif shown['model_version'] is none %}
            {% do said.append(whole) %}
        {% elif shown['role'] == 'pinned' %}
            {% do said.append('next: wanderbricks registry unpin ' ~ model ~ ' --reason …') %}
        {% elif shown['beats_baseline'] %}
            {% do said.append('next: better features, or severity warn in seeds/performance_targets.csv to serve in amber') %}
        {% else %}
            {% do said.append('next: more gold, or better features; wanderbricks registry show ' ~ model) %}
        {% endif %}
    {% elif product.stopped %}
        {% set state = 'red' %}
        {% do said.append('stopped by ' ~ product.stopped) %}
        {% do said.append(there ~ ' of ' ~ row['scoring_date'] ~ ' stay' if stands else 'nothing is published') %}
        {% do said.append(again) %}
    {% else %}
        {% set state = 'amber' if missed or row['not_learnable'] else 'serves' %}
        {% set dates = row['first_date'] ~ ('' if row['first_date'] == row['last_date'] else ' to ' ~ row['last_date']) %}
        {% do said.append(
            'nothing is published' if not stands
            else there ~ ' of ' ~ row['scoring_date'] ~ ' stay' if row['scoring_date'] != row['as_of_date']
            else there ~ ' for ' ~ dates ~ (' published' if row['score_due'] else ', as they were')
        ) %}
        {% if missed %}
            {% do said.append('next: better features, or a target that the data allow') %}
        {% endif %}
    {% endif %}
    {{ return({'state': state, 'sentences': said}) }}
{% endmacro %}
