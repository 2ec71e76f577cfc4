{#
  The newest scoring_date of a public table, or no row where the table does not exist yet, as when its product has not
  been built or never passed its gate.

  Arguments
    table    relation
    columns  {column: type}

  Example: with valued as ({{ newest_predictions(ref('customer_ltv_predictions'), {'user_id': 'bigint'}) }})
#}
{% macro newest_predictions(table, columns) %}
    {# in a unit test the table is a query, which no catalogue knows #}
    {% if not execute or table.is_cte or load_relation(table) is not none %}
        select
            scoring_date,
            {% for column in columns %}
                {{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ table }}
        where scoring_date = (select max(scoring_date) from {{ table }})
    {% else %}
        {% set types = {'scoring_date': 'date'} %}
        {% do types.update(columns) %}
        {{ no_rows(types) }}
    {% endif %}
{% endmacro %}
