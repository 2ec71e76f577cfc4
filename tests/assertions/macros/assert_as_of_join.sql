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

    {% for id, known_from, version in [(1, '2025-01-05', 'a'), (1, '2025-01-10', 'b'), (2, '2024-01-01', 'c')] %}
        select
            {{ id }} as id,
            cast('{{ known_from }}' as date) as known_from,
            '{{ version }}' as version,
            '{{ version }}1' as title,
            '{{ version }}2' as place,
            '{{ version }}3' as host
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

joined as (

    {{ as_of_join('spine', 'versions', ['id'], 'day', 'known_from', ['version']) }}

),

-- of many columns, and only of the keys that are wanted
joined_again as (

    {{ as_of_join('joined', 'versions', ['id'], 'day', 'known_from', {
        'version': 'same_version', 'title': 'title', 'place': 'place', 'host': 'host',
    }, wanted='spine') }}

)

select *
from joined_again
where
    version is distinct from expected
    or same_version is distinct from expected
    or title is distinct from expected || '1'
    or host is distinct from expected || '3'
