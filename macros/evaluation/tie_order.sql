{#
  Order of items of one query that have the same score: by hash, another one for each query, so that no item is shown more
  than the next because of its number.

  Arguments
    item   column that names what is ranked: a whole number, text or a date
    query  column of who asks

  Example: row_number() over (partition by query_id order by score desc, {{ tie_order('property_id', 'query_id') }})
#}
{% macro tie_order(item, query) -%}
    {% set text = dbt.type_string() -%}
    md5(cast({{ item }} as {{ text }}) || ':' || cast({{ query }} as {{ text }})) asc
{%- endmacro %}
