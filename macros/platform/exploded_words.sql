{#
  One row for each word of a text, in lower case, for the select list: letters and digits of any script; a text without any
  may yield empty words.

  Example: select property_id, {{ exploded_words('title') }} as word from listings
#}
{% macro exploded_words(text) %}
    {{ return(adapter.dispatch('exploded_words', 'wanderbricks_ml')(text)) }}
{% endmacro %}

{% macro duckdb__exploded_words(text) -%}
    unnest(string_split_regex(lower({{ text }}), '[^\p{L}\p{N}]+'))
{%- endmacro %}

{% macro default__exploded_words(text) -%}
    explode(split(lower({{ text }}), '[^\\p{L}\\p{N}]+'))
{%- endmacro %}
