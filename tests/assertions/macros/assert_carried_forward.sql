-- The last value stands until the next one; before the first there is none.
with changes as (

    select
        listed.day_number,
        listed.price,
        listed.expected
    from (values (1, null, null), (2, 5, 5), (3, null, 5), (4, 7, 7), (5, null, 7)) as listed (day_number, price, expected)

),

carried as (

    select
        day_number,
        expected,
        {{ carried_forward('price') }} over (
            order by day_number rows between unbounded preceding and current row
        ) as price
    from changes

)

select *
from carried
where price is distinct from expected
