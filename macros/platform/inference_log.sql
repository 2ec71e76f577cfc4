{#
  The inference log of serving with all of its columns, whatever the release that wrote it, and `served_date`; a relation
  without rows where there is none.

  Example: select * from ({{ inference_log() }}) as logged
#}
{% macro inference_log() %}
    {% set log, types = source('serving', 'inference_log'), {} %}
    {% for table in graph.get('sources', {}).values() if table.source_name == 'serving' and table.name == log.identifier %}
        {% for column in table.columns.values() %}
            {% do types.update({column.name: dbt.type_string() if column.data_type == 'STRING' else column.data_type | lower}) %}
        {% endfor %}
    {% endfor %}
    {% set place = inference_log_place() if execute %}
    {% if place %}
        {{ adapter.dispatch('logged_rows', 'wanderbricks_ml')(place, types) }}
    {% else %}
        {# while dbt parses, types are not known #}
        {{ no_rows(dict(types or {'served_at': 'timestamp'}, served_date='date')) }}
    {% endif %}
{% endmacro %}

{% macro duckdb__logged_rows(place, types) %}
    select
        * replace (timezone('UTC', served_at) as served_at),
        date as served_date
    from (
        select *
        from read_parquet({{ quoted(place) }}, union_by_name = true, hive_types = {'date': date})
        union all by name
        {{ no_rows(dict(types, served_at='timestamptz', date='date')) }}
    ) as logged
{% endmacro %}

{% macro default__logged_rows(place, types) %}
    {% set known = adapter.get_columns_in_relation(place) | map(attribute='name') | map('lower') | list %}
    select
        {% for name, type in types.items() %}
            cast({{ name if name in known else 'null' }} as {{ type }}) as {{ name }},
        {% endfor %}
        cast(served_at as date) as served_date
    from {{ place }}
{% endmacro %}

{#
  Where the inference log lies, none where there is none. On DuckDB the files of the folder `WANDERBRICKS_INFERENCE_LOG`, else of
  `inference_log` beside the database; on another engine the table that var `inference_table` names.

  Example: {% if inference_log_place() %} … {% endif %}
#}
{% macro inference_log_place() %}
    {{ return(adapter.dispatch('inference_log_place', 'wanderbricks_ml')()) }}
{% endmacro %}

{% macro duckdb__inference_log_place() %}
    {% set database = env_var('WANDERBRICKS_DB', '') or 'data/wanderbricks.duckdb' %}
    {% set beside = (database.split('/')[:-1] + ['inference_log']) | join('/') %}
    {% set files = (env_var('WANDERBRICKS_INFERENCE_LOG', '') or beside) ~ '/date=*/hour=*/*.parquet' %}
    {% set found = run_query('select count(*) from glob(' ~ quoted(files) ~ ')')[0][0] %}
    {{ return(files if found else none) }}
{% endmacro %}

{% macro default__inference_log_place() %}
    {% set named = var('inference_table') %}
    {% if not named %}{{ return(none) }}{% endif %}
    {% set parts = named.split('.') %}
    {% set table = adapter.get_relation(
        parts[-3] if parts | length > 2 else target.database, parts[-2] if parts | length > 1 else target.schema, parts[-1]
    ) %}
    {% if table is none %}
        {{ exceptions.raise_compiler_error('var inference_table: there is no table ' ~ named) }}
    {% endif %}
    {{ return(table) }}
{% endmacro %}
