{#
  What dbt's message about an incremental table says of its columns: {added, removed: types by name, retyped: names}.

  Example: {% set changed = schema_changes(result.message) %}
#}
{% macro schema_changes(message) %}
    {% set found = {} %}
    {# DuckDBColumn(column='pool', dtype='INTEGER', …) or <DatabricksColumn pool (int)> #}
    {% set column = "(?:column='|Column )(\\w+)(?:', dtype='| \\()(.+?)(?:'|\\)>)" %}
    {% for key, words in {'added': 'Source columns not in target', 'removed': 'Target columns not in source'}.items() %}
        {% set listed = message.split(words)[1].split('\n')[0] %}
        {% do found.update({key: dict(modules.re.findall(column, listed))}) %}
    {% endfor %}
    {% set retyped = message.split('New column types')[1].split('\n')[0] %}
    {% do found.update({'retyped': modules.re.findall("'column_name': '([^']+)'", retyped)}) %}
    {{ return(found) }}
{% endmacro %}
