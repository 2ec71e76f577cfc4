{#
  A field of a JSON object as text; null where it is missing, or null.

  Arguments
    document  text expression
    name      text expression of the field's name: letters, digits and underscores

  Example: {{ json_text('answer', "'model_version'") }}
#}
{% macro json_text(document, name) %}
    {{ return(adapter.dispatch('json_text', 'wanderbricks_ml')(document, name)) }}
{% endmacro %}

{% macro duckdb__json_text(document, name) -%}
    json_extract_string({{ document }}, '$.' || {{ name }})
{%- endmacro %}

{% macro default__json_text(document, name) -%}
    get_json_object({{ document }}, '$.' || {{ name }})
{%- endmacro %}
