with bookings as (

    select * from {{ ref('samples_bookings') }}

),

payments as (

    select * from {{ ref('samples_payments') }}

),

users as (

    select
        user_id,
        is_business
    from {{ ref('dim_user') }}
    where is_current

),

-- what a property was when it was booked; before its first version, as that has it
properties as (

    select
        property_id,
        host_id,
        destination_id,
        case when version_number > 1 then effective_from else cast('1900-01-01' as timestamp) end as begun_at,
        coalesce(next_from, cast('9999-01-01' as timestamp)) as followed_at
    from (
        select
            *,
            row_number() over (partition by property_id order by effective_from) as version_number,
            lead(effective_from) over (partition by property_id order by effective_from) as next_from
        from {{ ref('dim_property') }}
    ) as versions

),

final as (

    select
        cast(bookings.booking_id as bigint) as booking_id,
        cast(bookings.user_id as bigint) as user_id,
        properties.host_id,
        cast(bookings.property_id as bigint) as property_id,
        properties.destination_id,
        bookings.check_in as check_in_date,
        bookings.check_out as check_out_date,
        cast(bookings.guests_count as int) as guests_count,
        cast({{ dbt.datediff('bookings.check_in', 'bookings.check_out', 'day') }} as int) as nights_booked,
        cast(round(cast(bookings.total_amount as double), 2) as decimal(18, 2)) as total_amount,
        payments.payment_amount,
        payments.payment_method,
        bookings.status,
        cast(bookings.created_at as timestamp) as created_at,
        cast(bookings.updated_at as timestamp) as updated_at,
        cast({{ dbt.datediff('cast(bookings.created_at as date)', 'bookings.check_in', 'day') }} as int)
            as days_between_booking_and_checkin,
        bookings.status = 'cancelled' as is_cancelled,
        coalesce(users.is_business, false) as is_business_booking,
        cast(bookings.created_at as timestamp) as record_created_timestamp,
        cast(bookings.updated_at as timestamp) as record_updated_timestamp
    from bookings
    left join payments
        on bookings.booking_id = payments.booking_id
    left join users
        on bookings.user_id = users.user_id
    left join properties
        on bookings.property_id = properties.property_id
        and bookings.created_at >= properties.begun_at
        and bookings.created_at < properties.followed_at

)

select * from final
