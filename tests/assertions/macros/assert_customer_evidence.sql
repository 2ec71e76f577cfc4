-- A user of 100 days in a gold of 310 has been seen for 100, one who signed up before gold began for 310 days. Two bookings in
-- 310 days are a rate of 3 in 400, or 2.7375 a year; the newest 100 days ago, three times the logarithm of (310 + 90) / (210 + 90).
with users as (

    select
        1 as user_id,
        cast('2025-04-23' as date) as signed_up_date,
        cast(null as date) as first_booking_date,
        cast(null as date) as last_booking_date,
        0e0 as bookings_ever,
        0e0 as spend_ever,
        310 as history_days,
        100e0 as booking_value,
        cast('2025-08-01' as date) as as_of_date
    union all
    select
        2 as user_id,
        cast('2020-01-01' as date) as signed_up_date,
        cast('2025-01-01' as date) as first_booking_date,
        cast('2025-04-23' as date) as last_booking_date,
        2e0 as bookings_ever,
        600e0 as spend_ever,
        310 as history_days,
        100e0 as booking_value,
        cast('2025-08-01' as date) as as_of_date

),

evident as (

    {{ customer_evidence('users', 'as_of_date') }}

),

expected as (

    select
        1 as user_id,
        100e0 as observed_days,
        cast(null as double) as days_since_last_booking,
        365e0 / 190 as shrunk_yearly_bookings,
        100e0 as shrunk_booking_value,
        ln(190e0 / 90) as silence,
        2 as silence_step
    union all
    select
        2 as user_id,
        310e0 as observed_days,
        100e0 as days_since_last_booking,
        2.7375e0 as shrunk_yearly_bookings,
        200e0 as shrunk_booking_value,
        3 * ln(400e0 / 300) as silence,
        2 as silence_step

)

select evident.*
from evident
inner join expected on evident.user_id = expected.user_id
where
    abs(evident.observed_days - expected.observed_days) > 1e-9
    or coalesce(evident.days_since_last_booking, -1) <> coalesce(expected.days_since_last_booking, -1)
    or abs(evident.shrunk_yearly_bookings - expected.shrunk_yearly_bookings) > 1e-9
    or abs(evident.shrunk_booking_value - expected.shrunk_booking_value) > 1e-9
    or abs(evident.silence - expected.silence) > 1e-9
    or {{ silence_step('evident.silence') }} <> expected.silence_step
