{#
  Whether a column holds no value at all, which is so in an empty table too.

  Arguments
    relation  relation to look at
    column    name of its column

  Example: {{ holds_only_nulls(gold('dim_user'), 'company_name') }}
#}
{% macro holds_only_nulls(relation, column) %}
    {% set query = 'select count(' ~ adapter.quote(column) ~ ') as filled from ' ~ relation.render() %}
    {{ return(run_query(query).columns[0].values()[0] == 0) }}
{% endmacro %}
