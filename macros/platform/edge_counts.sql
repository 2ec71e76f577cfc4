{#
  How many values of columns lie between edges: place p holds the values with p edges below them, so that place 0 reaches up to
  and including the first edge. Place -1 holds the missing, NaN included. One scan, whatever the number of columns.

  DuckDB's histogram() searches the edges of each column by halves, which costs a fraction of grouping by value. Spark groups by
  place.

  Arguments
    rows     relation, CTE name or subquery in brackets
    columns  list of numeric columns
    edges    CTE or relation with feature_name and edge; a column without any has one place, 0

  Columns: feature_name, place, row_count

  Example: {{ edge_counts('scored', ['base_price', 'on_books'], 'edges') }}
#}
{% macro edge_counts(rows, columns, edges) %}
    {{ return(adapter.dispatch('edge_counts', 'wanderbricks_ml')(rows, columns, edges)) }}
{% endmacro %}

{% macro default__edge_counts(rows, columns, edges) %}
    select
        numbers.feature_name,
        case
            when numbers.value is null then -1
            else coalesce(size(filter(bounds.edges, edge -> edge < numbers.value)), 0)
        end as place,
        count(*) as row_count
    from (
        select
            feature_name,
            value
        from (
            select {% for column in columns %}{{ known_double(column) }} as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
            from {{ rows }} as given
        ) as doubles
        unpivot include nulls (value for feature_name in ({{ columns | join(', ') }}))
    ) as numbers
    left join (
        select
            feature_name,
            collect_set(edge) as edges
        from {{ edges }}
        group by feature_name
    ) as bounds
        on numbers.feature_name = bounds.feature_name
    group by 1, 2
{% endmacro %}

{% macro duckdb__edge_counts(rows, columns, edges) %}
    select
        feature_name,
        unnest(range(-1, len(counts) - 1)) as place,
        unnest(counts) as row_count
    from (
        select
            {% for column in columns %}
                list_prepend(
                    count(*) - count({{ known_double('given.' ~ column) }}),
                    map_values(histogram({{ known_double('given.' ~ column) }}, bounds.{{ column }}))
                ) as {{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ rows }} as given
        cross join (
            select
                {% for column in columns %}
                    coalesce(
                        list_sort(list_distinct(list(edge) filter (where feature_name = '{{ column }}'))), []
                    ) as {{ column }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ edges }}
        ) as bounds
    ) as counted
    unpivot (counts for feature_name in ({{ columns | join(', ') }}))
{% endmacro %}
