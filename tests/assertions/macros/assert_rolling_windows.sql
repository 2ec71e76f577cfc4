-- an event enters its window on the next day and leaves it after the window's days
with activity as (

    select
        1 as id,
        cast('2025-01-01' as date) as day,
        2 as bookings
    union all
    select
        1 as id,
        cast('2025-01-03' as date) as day,
        1 as bookings

),

expected as (

    select
        cast('2025-01-02' as date) as feature_date,
        2 as bookings,
        cast('2025-01-01' as date) as last_date
    union all
    select
        cast('2025-01-04' as date) as feature_date,
        1 as bookings,
        cast('2025-01-03' as date) as last_date
    union all
    select
        cast('2025-01-06' as date) as feature_date,
        0 as bookings,
        cast(null as date) as last_date

),

rolled as (

    {{ rolling_windows('activity', 'id', 'day', {'bookings': [2]}, last=['bookings']) }}

)

select
    rolled.feature_date as found_date,
    expected.feature_date as expected_date
from rolled
full outer join expected on rolled.feature_date = expected.feature_date
where
    rolled.bookings_2d is distinct from expected.bookings
    or rolled.last_bookings_date is distinct from expected.last_date
