-- dbt's message about a changed table is understood as either adapter writes it.
{% set message %}
    Source columns not in target: {columns}
    Target columns not in source: []
    New column types: [{'column_name': 'price', 'new_type': 'double'}]
{% endset %}
{% set written = [
    "[DuckDBColumn(column='pool', dtype='INTEGER', char_size=None), DuckDBColumn(column='fee', dtype='DECIMAL(9,2)', fields=[])]",
    '[<DatabricksColumn pool (INTEGER)>, <DatabricksColumn fee (DECIMAL(9,2))>]',
] %}

with understood as (

    {% for columns in written %}
        {% set changed = schema_changes(message | replace('{columns}', columns)) %}
        select
            '{{ changed.added.items() | map('join', ' ') | join(', ') }}' as added,
            '{{ changed.removed | join(', ') }}' as removed,
            '{{ changed.retyped | join(', ') }}' as retyped
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select *
from understood
where added <> 'pool INTEGER, fee DECIMAL(9,2)' or removed <> '' or retyped <> 'price'
