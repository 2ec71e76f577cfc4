{#
  A model of ours that may never have been built: dbt skips what lies downstream of a failed gate, and monitoring has to
  go on. Rows of `ref(name)` where the table exists, else an empty relation with the columns and types of its YAML, or of shared_types.

  Arguments
    name     model name; the edge of the graph is drawn as by ref
    columns  columns wanted
    later    those of them that a table of an earlier release lacks until it is written again: null there, of the types of its
             YAML or of shared_types

  Example: select * from ({{ ref_if_built('demand_predictions', ['as_of_date', 'model_version']) }}) as scored
#}
{% macro ref_if_built(name, columns, later=[]) %}
    {% set relation = ref(name) %}
    {% set node = namespace(found=none) %}
    {# a unit test gives rows by a CTE of that name #}
    {% set there = not execute or relation.is_cte or adapter.get_relation(
        database=relation.database, schema=relation.schema, identifier=relation.identifier
    ) is not none %}
    {% for model in graph.get('nodes', {}).values() if model.resource_type == 'model' and model.name == name %}
        {% set node.found = model %}
    {% endfor %}
    {% if there %}
        {% set selected = columns | list %}
        {% if execute and later and not relation.is_cte %}
            {% set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list %}
            {% for column in columns if column in later and column not in known %}
                {% set type = node.found.columns.get(column, {}).get('data_type') or shared_types()[column] %}
                {% set cast_null = 'cast(null as ' ~ type ~ ') as ' ~ column %}
                {% do selected.__setitem__(columns.index(column), cast_null) %}
            {% endfor %}
        {% endif %}
        select{{ '\n            ' if columns | length > 1 else ' ' }}{{ selected | join(',\n            ') }}
        from {{ relation }}
    {% else %}
        {% set types = {} %}
        {% for column in columns %}
            {% set type = node.found.columns.get(column, {}).get('data_type') or shared_types().get(column) %}
            {% if not type %}
                {{ exceptions.raise_compiler_error("ref_if_built('" ~ name ~ "'): the YAML gives column " ~ column ~ " no data_type") }}
            {% endif %}
            {% do types.update({column: type}) %}
        {% endfor %}
        {{ no_rows(types) }}
    {% endif %}
{% endmacro %}
