{% set text = dbt.type_string() %}

with clock as (

    select date '2025-08-05' as as_of_date

),

-- model a: the later pin holds; b: unpinned; c: archived since; d: archived before it was promoted; e: decided
-- later; f: unpinned when that was called lift
decisions as (

    {% for id, model, version, action, day in [
        (1, 'a', 1, 'promote', '2025-08-01'), (2, 'a', 2, 'rollback', '2025-08-02'), (3, 'a', 3, 'archive', '2025-08-03'),
        (4, 'b', 1, 'promote', '2025-08-01'), (5, 'b', none, 'unpin', '2025-08-05'),
        (6, 'c', 4, 'promote', '2025-08-01'), (7, 'c', 4, 'archive', '2025-08-02'),
        (8, 'd', 5, 'archive', '2025-08-01'), (9, 'd', 5, 'promote', '2025-08-02'),
        (10, 'e', 6, 'promote', '2025-08-06'),
        (11, 'f', 7, 'promote', '2025-08-01'), (12, 'f', none, 'lift', '2025-08-02'),
    ] %}
        select
            {{ id }} as decision_id,
            cast('{{ model }}' as {{ text }}) as model_name,
            cast({{ version if version is not none else 'null' }} as int) as model_version,
            cast('{{ action }}' as {{ text }}) as action,
            cast('ann' as {{ text }}) as decided_by,
            date '{{ day }}' as as_of_date,
            cast('because' as {{ text }}) as reason
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

pinned as (

    {{ pinned_versions('decisions', 'clock') }}

),

archived as (

    {{ archived_versions('decisions', 'clock') }}

),

found as (

    select model_name || cast(pinned_version as {{ text }}) || ' ' || pinned_because as said
    from pinned
    union all
    select model_name || cast(model_version as {{ text }}) || ' archived' as said
    from archived

),

expected as (

    select 'a2 rollback by ann as of 2025-08-02: because' as said
    union all
    select 'd5 promote by ann as of 2025-08-02: because' as said
    union all
    select 'a3 archived' as said
    union all
    select 'c4 archived' as said

)

select
    found.said as found,
    expected.said as expected
from found
full join expected on found.said = expected.said
where found.said is null or expected.said is null
