{#
  dbt's own step that writes descriptions as comments. On Databricks an incremental run would set the comment of the
  table anew each time, a write that changes nothing: here it does only when the comment differs.
#}
{% macro databricks__persist_docs(relation, model, for_relation, for_columns) %}
    {% if for_relation and is_incremental() %}
        {% set written = adapter.get_relation(relation.database, relation.schema, relation.identifier, needs_information=true) %}
        {% set for_relation = written.metadata.get('Comment') != model.description %}
    {% endif %}
    {{ return(dbt.databricks__persist_docs(relation, model, for_relation, for_columns)) }}
{% endmacro %}
