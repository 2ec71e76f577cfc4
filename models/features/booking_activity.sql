with bookings as (

    select * from {{ source('gold', 'fact_booking_detail') }}

),

clock as (

    select * from {{ ref('point_in_time') }}

),

created as (

    select
        property_id,
        host_id,
        destination_id,
        cast(created_at as date) as activity_date,
        1 as bookings,
        coalesce(guests_count, 0) as guests,
        coalesce(nights_booked, 0) as nights,
        cast(coalesce(total_amount, 0) as decimal(18, 2)) as revenue,
        0 as cancellations,
        0 as check_ins
    from bookings

),

-- updated_at is the moment of cancellation only for a booking that is cancelled
cancelled as (

    select
        property_id,
        host_id,
        destination_id,
        cast(updated_at as date) as activity_date,
        0 as bookings,
        0 as guests,
        0 as nights,
        cast(0 as decimal(18, 2)) as revenue,
        1 as cancellations,
        0 as check_ins
    from bookings
    where is_cancelled

),

arrived as (

    select
        property_id,
        host_id,
        destination_id,
        -- a booking made after its own check-in date is not known before it is made
        greatest(check_in_date, cast(created_at as date)) as activity_date,
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
        cast(unioned.property_id as bigint) as property_id,
        cast(unioned.host_id as bigint) as host_id,
        cast(unioned.destination_id as bigint) as destination_id,
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
