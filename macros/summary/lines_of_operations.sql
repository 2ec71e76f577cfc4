{#
  What monitoring found, a line a product: state of its gate, version and age, drift, live quality, open alerts.

  Arguments
    rows  product, gate_state, serving_version, age_days, drift_state, drift_feature, is_degraded, quality_week, alerts; as_of_date

  Example: {% for line in lines_of_operations(run_query(outcomes_of_operations())) %} …
#}
{% macro lines_of_operations(rows) %}
    {% set lines = [] %}
    {% for row in rows %}
        {% if loop.first %}{% do lines.extend(['', 'Monitoring as of ' ~ row['as_of_date'] ~ ':', '']) %}{% endif %}
        {% set state = {'passes': 'serves', 'none': 'untouched'}.get(row['gate_state'], row['gate_state']) %}
        {% set found = [] %}
        {% if row['serving_version'] is none %}
            {% do found.append('nothing serves') %}
        {% else %}
            {% do found.append('v' ~ row['serving_version'] | int ~ (
                ', ' ~ row['age_days'] | int ~ ' days old' if row['age_days'] is not none else ''
            )) %}
            {% do found.append(
                'drift unknown' if row['drift_state'] == 'unknown'
                else row['drift_feature'] ~ ' drifted' if row['drift_state'] == 'drifted' else 'no lasting drift'
            ) %}
            {% do found.append(
                'live quality fell' if row['is_degraded'] else 'quality holds' if row['quality_week'] else 'no truth yet'
            ) %}
        {% endif %}
        {% do found.append(row['alerts'] | int ~ ' alert' ~ ('s' if row['alerts'] != 1 else '')) %}
        {% do lines.append('  ' ~ row['product'] ~ ' ' * (17 - row['product'] | length) ~ state ~ ' ' * (15 - state | length) ~ found | join(', ')) %}
    {% endfor %}
    {% do lines.append('') if lines %}
    {{ return(lines) }}
{% endmacro %}
