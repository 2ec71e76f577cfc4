-- a value of 16 beside 4 for all: without bookings 4, with as many as the prior the geometric mean, with all there are 16
with cases as (

    select
        0 as bookings,
        4e0 as expected
    union all
    select
        100 as bookings,
        8e0 as expected
    union all
    select
        1000000000 as bookings,
        16e0 as expected

)

select *
from cases
where abs({{ pooled('16e0', '4e0', 'bookings', prior=100) }} - expected) > 0.00001
