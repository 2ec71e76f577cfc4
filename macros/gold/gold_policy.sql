{#
  The rows of seed gold_policy as they stand in the database, a list of dicts; none before the seed was built. Raises one
  compiler error that names every row that fits no table, column or rule.

  Example: {% set policy = gold_policy() %}
#}
{% macro gold_policy() %}
    {% set seed = built_table('gold_policy', kind='seed') %}
    {% if not seed %}{{ return([]) }}{% endif %}
    {% set rows = [] %}
    {% for row in run_query('select * from ' ~ seed) %}
        {% do rows.append({
            'table_name': row['table_name'], 'column_name': row['column_name'], 'rule': row['rule'],
            'low': row['low'] or '', 'high': row['high'] or '',
            'max_share': row['max_share'] | float, 'severity': row['severity'],
        }) %}
    {% endfor %}
    {% set tables = {} %}
    {% for table in graph.sources.values() if table.source_name == 'gold' %}
        {% do tables.update({table.name: table.columns.keys() | list}) %}
    {% endfor %}
    {% set kinds = gold_rule_kinds() %}
    {% set problems = [] %}
    {% for row in rows %}
        {% set place = row.table_name ~ ',' ~ row.column_name ~ ',' ~ row.rule %}
        {% set known = tables.get(row.table_name, []) + ['*'] + var('booking_attributes', []) | list %}
        {% if row.table_name != '*' and row.table_name not in tables %}
            {% do problems.append(place ~ ': there is no gold table ' ~ row.table_name) %}
        {% elif row.table_name != '*' and row.column_name not in known %}
            {% do problems.append(place ~ ': ' ~ row.table_name ~ ' has no column ' ~ row.column_name) %}
        {% elif row.rule not in kinds %}
            {% do problems.append(place ~ ': there is no rule ' ~ row.rule ~ '; docs/gold.md lists them') %}
        {% else %}
            {% for bound in ('low', 'high') if not modules.re.fullmatch(kinds[row.rule][bound], row[bound]) %}
                {% do problems.append(place ~ ': ' ~ bound ~ " is '" ~ row[bound] ~ "'; docs/gold.md says what the rule takes") %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% if problems %}
        {% do exceptions.raise_compiler_error('seeds/gold_policy.csv; nothing was built:\n  ' ~ problems | join('\n  ')) %}
    {% endif %}
    {{ return(rows) }}
{% endmacro %}
