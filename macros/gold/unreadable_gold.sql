{#
  Gold tables that are there and cannot be read: {table: what was found and what to do}; under `*` what is wrong with the
  place as a whole.

  Example: {% set unreadable = unreadable_gold() %}
#}
{% macro unreadable_gold() %}
    {{ return(adapter.dispatch('unreadable_gold', 'wanderbricks_ml')()) }}
{% endmacro %}

{% macro default__unreadable_gold() %}
    {{ return({}) }}
{% endmacro %}

{# the plugin of profiles.yml notes it where it makes the views #}
{% macro duckdb__unreadable_gold() %}
    {% set found = {} %}
    {% for row in run_query('select table_name, found from memory.gold.unreadable') %}
        {% do found.update({row['table_name']: row['found']}) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
