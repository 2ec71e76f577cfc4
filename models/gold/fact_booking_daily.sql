with bookings as (

    select * from {{ ref('fact_booking_detail') }}

),

final as (

    select
        property_id,
        min(destination_id) as destination_id,
        check_in_date,
        count(*) as booking_count,
        count(*) filter (where not is_cancelled) as confirmed_booking_count,
        count(*) filter (where is_cancelled) as cancellation_count,
        cast(sum(total_amount) as decimal(18, 2)) as total_booking_value,
        {{ rounded_ratio('cast(100 * sum(total_amount) as bigint)', 'count(*)', 'decimal(18, 2)') }} as avg_booking_value,
        cast(sum(guests_count) as bigint) as total_guests,
        {{ rounded_ratio('cast(100 * sum(nights_booked) as bigint)', 'count(*)', 'decimal(10, 2)') }} as avg_nights_booked,
        {{ rounded_ratio('10000 * count(case when payment_amount > 0 then 1 end)', 'count(*)', 'decimal(5, 2)') }}
            as payment_completion_rate,
        min(record_created_timestamp) as record_created_timestamp,
        max(record_updated_timestamp) as record_updated_timestamp
    from bookings
    group by property_id, check_in_date

)

select * from final
