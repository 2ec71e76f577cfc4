{{ config(materialized='view') }}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

final as (

    select
        cast(booking_id as bigint) as booking_id,
        cast(user_id as bigint) as user_id,
        cast(property_id as bigint) as property_id,
        cast(host_id as bigint) as host_id,
        cast(destination_id as bigint) as destination_id,

        created_at,
        cast(created_at as date) as created_date,
        check_in_date,
        case
            when check_out_date > check_in_date and check_out_date <= check_in_date + 365 then check_out_date
            else check_in_date + cast(coalesce({{ believed_number('fact_booking_detail', 'nights_booked', low=1, high=365) }}, 1) as int)
        end as check_out_date,
        -- updated_at is the moment of cancellation only for a booking that is cancelled, and none is before it was made
        case
            when is_cancelled and cast(updated_at as date) < (select as_of_date from clock)
                then greatest(cast(updated_at as date), cast(created_at as date))
        end as cancelled_date,

        {{ believed_number('fact_booking_detail', 'nights_booked', low=1, high=365) }} as nights,
        {{ believed_number('fact_booking_detail', 'guests_count', low=1) }} as guests,
        -- decimals add up to the same in any order
        cast({{ believed_number('fact_booking_detail', 'total_amount', low=0) }} as decimal(18, 2)) as amount,
        is_business_booking
        {%- for attribute in var('booking_attributes') %},
            {{ attribute }} as attribute_{{ attribute }}
        {%- endfor %}
    from {{ gold('fact_booking_detail') }}
    where
        cast(created_at as date) < (select as_of_date from clock)
        -- a booking that does not say when it was made, or of what and by whom, is none: neither made nor cancelled
        and created_at >= cast('1990-01-01' as date)
        and booking_id is not null
        and user_id is not null
        and property_id is not null
        and host_id is not null
        and destination_id is not null
        and check_in_date >= cast('1990-01-01' as date)
        -- more than two years ahead
        and check_in_date < cast(created_at as date) + 800
        and (updated_at is not null or not is_cancelled)

)

select * from final
