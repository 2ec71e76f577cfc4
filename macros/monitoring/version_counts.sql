{#
  Counts of the rows of a version: of numeric columns by their place between edges, of categorical ones by level.

  Arguments
    version  name of a CTE with one row or none: model_name, model_version, as_of_date
    kind     'feature' or 'prediction'
    rows     subquery in brackets, as version_rows makes it
    watched  what monitored_columns says
    edges    name of a CTE with feature_name and edge

  Columns: model_name, model_version, as_of_date, kind, feature_name, place, level, row_count

  Example: {{ version_counts('served', 'feature', version_rows(…), watched, 'edges') }}
#}
{% macro version_counts(version, kind, rows, watched, edges) %}
    {% set numeric = watched.predictions if kind == 'prediction' else watched.numeric %}
    {% set categorical = [] if kind == 'prediction' else watched.categorical %}
    select
        version.model_name,
        version.model_version,
        version.as_of_date,
        '{{ kind }}' as kind,
        counted.feature_name,
        counted.place,
        counted.level,
        counted.row_count
    from (
        {% if numeric %}
            select
                feature_name,
                place,
                cast(null as {{ dbt.type_string() }}) as level,
                row_count
            from ({{ edge_counts(rows, numeric, edges) }}) as numbers
        {% endif %}
        {{ 'union all' if numeric and categorical }}
        {% if categorical %}
            select
                feature_name,
                cast(null as int) as place,
                level,
                row_count
            from ({{ level_counts(rows, categorical) }}) as levels
        {% endif %}
    ) as counted
    cross join {{ version }} as version
{% endmacro %}
