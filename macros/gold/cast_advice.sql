{#
  How a column of another type is brought to the contract's: by a cast, where that reads every value.

  Arguments
    relation  gold table
    column    column of the contract
    found     type that it has

  Example: {{ cast_advice(gold('dim_user'), column, 'VARCHAR') }}
#}
{% macro cast_advice(relation, column, found) %}
    {% set name = column.name %}
    {% set type = column.data_type %}
    {% set cast = 'write it as cast(' ~ name ~ ' as ' ~ type | lower ~ ')' %}
    {% if not type_fits(found, 'STRING') %}
        {{ return(cast) }}
    {% endif %}
    {% set text = 'cast(' ~ adapter.quote(name) ~ ' as ' ~ dbt.type_string() ~ ')' %}
    {% set read = 'try_cast(' ~ text ~ ' as ' ~ type ~ ')' %}
    {% set unread = text ~ " <> '' and (" ~ read ~ ' is null' %}
    {% if type in ('DATE', 'TIMESTAMP') %}
        {# 05/08/21 is read as year 5 #}
        {% set unread = unread ~ ' or ' ~ read ~ " < cast('1900-01-01' as date)" %}
    {% endif %}
    {% set row = run_query(
        'select count(*) as values_unread, min(' ~ text ~ ') as example from ' ~ relation.render() ~ ' where ' ~ unread ~ ')'
    ).rows[0] %}
    {% if not row['values_unread'] %}
        {{ return(cast) }}
    {% endif %}
    {% set such = row['values_unread'] ~ " values such as '" ~ row['example'] ~ "' are no " ~ type ~ ': ' %}
    {% if type == 'BIGINT' %}
        {{ return(such ~ 'number them alike in every table that has them, as by ' ~ stable_number(name)) }}
    {% endif %}
    {{ return(such ~ 'parse them where gold is made') }}
{% endmacro %}

{# An expression that makes a number of a text, the same in every table and run: the first 60 bits of its MD5. #}
{% macro stable_number(column) %}
    {{ return(adapter.dispatch('stable_number', 'wanderbricks_ml')(column)) }}
{% endmacro %}

{% macro default__stable_number(column) %}
    {{ return('cast(conv(substr(md5(' ~ column ~ '), 1, 15), 16, 10) as bigint)') }}
{% endmacro %}

{% macro duckdb__stable_number(column) %}
    {{ return("cast('0x' || substr(md5(" ~ column ~ '), 1, 15) as bigint)') }}
{% endmacro %}
