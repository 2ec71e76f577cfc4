-- A table and a view of the schema are listed as what they are, with their columns.
{% set found = {} %}
{% if execute %}
    {% for table in tables_of_schema(ref('point_in_time')) %}{% do found.update({table.name: table}) %}{% endfor %}
{% endif %}

with listed as (

    {% for relation, kind, column in [
        (ref('point_in_time'), 'table', 'as_of_date'),
        (ref('stg_bookings'), 'view', 'user_id'),
    ] %}
        {% set table = found.get(relation.identifier, {'type': 'missing', 'columns': []}) %}
        select
            '{{ relation.identifier }}' as table_name,
            '{{ table.type }}' as found_type,
            '{{ kind }}' as expected_type,
            {{ 'true' if column in table.columns else 'false' }} as has_column
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select *
from listed
where found_type <> expected_type or not has_column
