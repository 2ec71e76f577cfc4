with together as (

    {{ no_rows({'name': dbt.type_string(), 'known_from': 'date', 'value': 'double'}) }}
    union all
    select
        'one' as name,
        cast('2025-08-01' as date) as known_from,
        0.5 as value

)

select
    count(*) as row_count,
    max(known_from) + 1 as day_after
from together
having count(*) <> 1 or max(known_from) + 1 <> cast('2025-08-02' as date) or max(name) <> 'one' or max(value) <> 0.5
