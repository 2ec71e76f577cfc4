{#
  Names and types of gold's columns as models/gold/_gold.yml has them: {table: {column: data type}}; its tables with none while
  dbt parses.

  Example: {% for table in gold_contract() %} … {% endfor %}
#}
{% macro gold_contract() %}
    {% set tables = {} %}
    {% for name in [
        'dim_user', 'dim_host', 'dim_property', 'dim_destination', 'dim_date', 'fact_booking_detail', 'fact_booking_daily',
        'fact_property_engagement',
    ] %}
        {% do tables.update({name: {}}) %}
    {% endfor %}
    {% for table in graph.get('sources', {}).values() if table.source_name == 'gold' %}
        {% for column in table.columns.values() %}
            {% do tables[table.name].update({column.name: column.data_type}) %}
        {% endfor %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}

{# Whether gold can be read: made of raw, it is not before the first build. #}
{% macro gold_is_there() %}
    {% for name in gold_contract() if from_samples() and not is_built(ref(name)) %}
        {{ return(false) }}
    {% endfor %}
    {{ return(true) }}
{% endmacro %}
