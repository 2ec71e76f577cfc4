{#
  Says what is wrong with gold: a line for each warning, and one compiler error with a line for each error, which stops the
  node or the run that it is called in.

  Argument
    rows  relation or subquery with table_name, column_name, status and message of gold_checks

  Example: post-hook of gold_checks: "{{ report_gold(this) }}"
#}
{% macro report_gold(rows) %}
    {% if not execute or flags.EMPTY or flags.WHICH not in ('run', 'build') %}
        {{ return('') }}
    {% endif %}
    {% set most = 20 %}
    {% set found = {'warn': [], 'error': []} %}
    {% for row in run_query(
        "select status, message from " ~ rows ~ " where status in ('warn', 'error') order by share desc, table_name, column_name, rule"
    ) %}
        {% do found[row['status']].append(row['message']) %}
    {% endfor %}
    {% for message in found.warn[:most] %}
        {{ log('warn: gold: ' ~ message, info=true) }}
    {% endfor %}
    {% if found.warn | length > most %}
        {{ log('warn: gold: and ' ~ (found.warn | length - most) ~ ' more; select message from gold_checks', info=true) }}
    {% endif %}
    {% if found.error %}
        {% do exceptions.raise_compiler_error(
            'gold breaks the rules of seeds/gold_policy.csv; nothing was built from it, what was published stays (docs/gold.md):\n  '
            ~ found.error | join('\n  ')
        ) %}
    {% endif %}
    {{ return('') }}
{% endmacro %}
