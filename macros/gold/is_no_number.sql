{#
  Condition: a value of a gold column is NaN or infinite; false for null. It reads the value as text. isnan() will not do:
  writers leave NaN out of a Parquet file's smallest and largest values, and DuckDB concludes from these that there is none.

  Arguments
    table   name of the gold table
    column  name of its column

  Example: case when {{ is_no_number('dim_property', 'base_price') }} then null else base_price end
#}
{% macro is_no_number(table, column) -%}
    {%- set found = graph.get('gold_columns', {}).get(table, {}).get(column, '') | lower -%}
    {%- if modules.re.match('decimal|numeric|.*int|long|short|byte', found) -%}
        false
    {%- else -%}
        coalesce(lower(cast({{ column }} as {{ dbt.type_string() }})) in ('nan', 'inf', '-inf', 'infinity', '-infinity'), false)
    {%- endif -%}
{%- endmacro %}
