{#
  Lets columns of a table be dropped. Delta Lake does that for tables with column mapping alone, which then stays on:
  later writes and reads go by it, and nothing is rewritten.

  Argument: `relation`. Example: {% do allow_dropping(relation) %}
#}
{% macro allow_dropping(relation) %}
    {{ return(adapter.dispatch('allow_dropping', 'wanderbricks_ml')(relation)) }}
{% endmacro %}

{% macro default__allow_dropping(relation) %}
{% endmacro %}

{% macro databricks__allow_dropping(relation) %}
    {% do run_query("alter table " ~ relation ~ " set tblproperties ('delta.columnMapping.mode' = 'name')") %}
{% endmacro %}
