{#
  dbt's own step that writes descriptions as comments. On Databricks an incremental run would set the comment of the
  table anew each time, a write that changes nothing: here it does only when the comment differs.
#}
{% macro databricks__persist_docs(relation, model, for_relation, for_columns) %}
    {% if for_relation and is_incremental() and config.persist_relation_docs() %}
        {% set written = namespace(comment='') %}
        {% for row in run_query('describe table extended ' ~ relation).rows if row['col_name'] == 'Comment' %}
            {% set written.comment = row['data_type'] %}
        {% endfor %}
        {% set for_relation = written.comment | trim != model.description | trim %}
    {% endif %}
    {{ return(dbt.databricks__persist_docs(relation, model, for_relation, for_columns)) }}
{% endmacro %}
