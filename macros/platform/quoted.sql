{#
  A SQL literal of any text.

  Arguments
    text  a string; what a person typed may hold quotes and backslashes

  Example: insert into decisions values ({{ quoted("it's worse") }})
#}
{% macro quoted(text) %}{{ adapter.dispatch('quoted', 'wanderbricks_ml')(text | string) }}{% endmacro %}

{% macro default__quoted(text) %}'{{ text | replace("'", "''") }}'{% endmacro %}

{# a backslash escapes here, and two quotes in a row are none #}
{% macro databricks__quoted(text) %}'{{ text | replace("\\", "\\\\") | replace("'", "\\'") }}'{% endmacro %}
