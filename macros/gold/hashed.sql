{#
  A person's name or address as 64 hexadecimal digits, null where there is none; with the person's id before it, so that two
  people of one name do not show, and no list of hashed names fits. Who has the id can still try names: it is a pseudonym.

  Arguments
    column  with the text
    id      column with the person's number

  Example: {{ hashed('email', 'user_id') }} as email
#}
{% macro hashed(column, id) -%}
    {{ sha256_of('cast(' ~ id ~ ' as ' ~ dbt.type_string() ~ ") || ':' || " ~ column) }}
{%- endmacro %}

{% macro sha256_of(text) %}
    {{ return(adapter.dispatch('sha256_of', 'wanderbricks_ml')(text)) }}
{% endmacro %}

{% macro default__sha256_of(text) %}sha2({{ text }}, 256){% endmacro %}

{% macro duckdb__sha256_of(text) %}sha256({{ text }}){% endmacro %}
