with bookings as (

    select * from {{ ref('stg_bookings') }}

),

clock as (

    select * from {{ ref('point_in_time') }}

),

created as (

    select
        property_id,
        host_id,
        destination_id,
        created_date as activity_date,
        1 as bookings,
        coalesce(guests, 0) as guests,
        coalesce(nights, 0) as nights,
        coalesce(amount, 0) as revenue,
        0 as cancellations,
        0 as check_ins
    from bookings

),

cancelled as (

    select
        property_id,
        host_id,
        destination_id,
        cancelled_date as activity_date,
        0 as bookings,
        0 as guests,
        0 as nights,
        cast(0 as decimal(18, 2)) as revenue,
        1 as cancellations,
        0 as check_ins
    from bookings
    where cancelled_date is not null

),

arrived as (

    select
        property_id,
        host_id,
        destination_id,
        -- a booking made after its own check-in date is not known before it is made
        greatest(check_in_date, created_date) as activity_date,
        0 as bookings,
        0 as guests,
        0 as nights,
        cast(0 as decimal(18, 2)) as revenue,
        0 as cancellations,
        1 as check_ins
    from bookings

),

unioned as (

    select * from created
    union all
    select * from cancelled
    union all
    select * from arrived

),

final as (

    select
        unioned.property_id,
        unioned.host_id,
        unioned.destination_id,
        unioned.activity_date,
        unioned.bookings,
        unioned.guests,
        unioned.nights,
        unioned.revenue,
        unioned.cancellations,
        unioned.check_ins
    from unioned
    where unioned.activity_date < (select as_of_date from clock)

)

select * from final
