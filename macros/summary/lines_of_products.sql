{#
  The lines of a run's summary, of at most 100 columns with the clock that dbt sets before each: products aligned, a sentence a
  line, then what to type next.

  Arguments
    touched  list of products_of_run
    rows     of outcomes_of_products
#}
{% macro lines_of_products(touched, rows) %}
    {% set lines, counts, fitted = [], {}, [] %}
    {% set seen = namespace(as_of=none, colours=false) %}
    {% for row in rows %}
        {% set seen.as_of, seen.colours = row['as_of_date'], flags.USE_COLORS and row['on_terminal'] %}
    {% endfor %}
    {% set colours = {'serves': '32', 'amber': '33', 'red': '31', 'not learnable': '33', 'untouched': '2'} %}
    {% set wide = touched | map(attribute='product') | map('length') | max %}
    {% set indent = wide + 19 %}
    {% for product in touched %}
        {% set of_product = [] %}
        {% for row in rows if row['product'] == product.product %}{% do of_product.append(row) %}{% endfor %}
        {% set words = words_of_product(product, of_product) %}
        {% set state = words.state %}
        {% do counts.update({state: counts.get(state, 0) + 1}) %}
        {% if of_product and of_product[0]['fit_due'] and words.state in ['serves', 'amber'] %}
            {% do fitted.append(product.predictions) %}
        {% endif %}
        {% set begin = namespace(text='  ' ~ product.product ~ ' ' * (wide - product.product | length + 2)
            ~ ('\x1b[' ~ colours[state] ~ 'm' ~ state ~ '\x1b[0m' if seen.colours else state) ~ ' ' * (15 - state | length)) %}
        {% for sentence in words.sentences %}
            {% for line in (sentence | wordwrap(90 - indent, break_long_words=false, break_on_hyphens=false)).split('\n') %}
                {% do lines.append(begin.text ~ ('  ' if not loop.first else '') ~ line) %}
                {% set begin.text = ' ' * indent %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {% set total = [] %}
    {% for state in colours if state in counts %}
        {% do total.append(counts[state] ~ ' ' ~ ('serve' if state == 'serves' and counts[state] > 1 else state)) %}
    {% endfor %}
    {% set lines = ['', 'Products' ~ (' as of ' ~ seen.as_of if seen.as_of else '') ~ ': ' ~ total | join(', '), ''] + lines %}
    {% if fitted %}
        {% set current = 'model.' ~ project_name ~ '.' ~ fitted[0] ~ '_current' %}
        {% do lines.extend([
            '',
            '  predictions  dbt show ' ~ (
                '--select ' ~ fitted[0] ~ '_current' if current in graph.get('nodes', {})
                else '--inline "select * from {{ ref(\'' ~ fitted[0] ~ '\') }}"'
            ),
            '  report       wanderbricks report --out site/report',
            '  versions     wanderbricks registry list',
            '  experiments  make mlflow',
        ]) %}
    {% endif %}
    {{ return(lines) }}
{% endmacro %}
