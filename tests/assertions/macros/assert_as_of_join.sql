-- a row finds the newest that is not later, its own date included, of its own key; else null
with spine as (

    select
        1 as id,
        cast('2025-01-10' as date) as day,
        'b' as expected
    union all
    select
        1 as id,
        cast('2025-01-09' as date) as day,
        'a' as expected
    union all
    select
        1 as id,
        cast('2025-01-01' as date) as day,
        cast(null as {{ dbt.type_string() }}) as expected
    union all
    select
        2 as id,
        cast('2025-02-01' as date) as day,
        'c' as expected

),

versions as (

    select
        1 as id,
        cast('2025-01-05' as date) as known_from,
        'a' as version
    union all
    select
        1 as id,
        cast('2025-01-10' as date) as known_from,
        'b' as version
    union all
    select
        2 as id,
        cast('2024-01-01' as date) as known_from,
        'c' as version

),

joined as (

    {{ as_of_join('spine', 'versions', ['id'], 'day', 'known_from', ['version']) }}

)

select *
from joined
where version is distinct from expected
