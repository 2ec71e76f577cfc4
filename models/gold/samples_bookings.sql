with bookings as (

    {{ newest_rows(source('samples', 'bookings'), 'booking_id', ['updated_at', 'created_at', 'total_amount', 'check_in', 'check_out', 'status']) }}

),

updates as (

    select distinct
        booking_update_id,
        booking_id,
        user_id,
        property_id,
        check_in,
        check_out,
        guests_count,
        total_amount,
        status,
        created_at,
        updated_at
    from {{ source('samples', 'booking_updates') }}

),

newest_updates as (

    {{ newest_rows('updates', 'booking_id', ['updated_at', 'booking_update_id', 'total_amount', 'check_in', 'status']) }}

),

states as (

    select
        booking_id,
        0 as step,
        0 as booking_update_id,
        updated_at,
        lower(trim(status)) as status
    from bookings
    union all
    select
        booking_id,
        1 as step,
        booking_update_id,
        updated_at,
        lower(trim(status)) as status
    from updates

),

followed as (

    select
        booking_id,
        updated_at,
        sum(case when status = 'cancelled' then 0 else 1 end) over (
            partition by booking_id
            order by step desc, updated_at desc nulls last, booking_update_id desc
            rows between unbounded preceding and current row
        ) as later_states_not_cancelled
    from states
    where status is not null

),

-- a change after the cancellation does not move it
cancellations as (

    select
        booking_id,
        min(updated_at) as cancelled_at
    from followed
    where later_states_not_cancelled = 0
    group by booking_id

),

final as (

    select
        bookings.booking_id,
        coalesce(newest_updates.user_id, bookings.user_id) as user_id,
        coalesce(newest_updates.property_id, bookings.property_id) as property_id,
        coalesce(newest_updates.check_in, bookings.check_in) as check_in,
        coalesce(newest_updates.check_out, bookings.check_out) as check_out,
        coalesce(newest_updates.guests_count, bookings.guests_count) as guests_count,
        coalesce(newest_updates.total_amount, bookings.total_amount) as total_amount,
        lower(trim(coalesce(newest_updates.status, bookings.status))) as status,
        -- a booking is made once, whatever an update says
        coalesce(bookings.created_at, newest_updates.created_at) as created_at,
        coalesce(cancellations.cancelled_at, newest_updates.updated_at, bookings.updated_at) as updated_at
    from bookings
    left join newest_updates
        on bookings.booking_id = newest_updates.booking_id
    left join cancellations
        on bookings.booking_id = cancellations.booking_id

)

select * from final
