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
        check_out_date,
        -- updated_at is the moment of cancellation only for a booking that is cancelled
        case
            when is_cancelled and cast(updated_at as date) < (select as_of_date from clock) then cast(updated_at as date)
        end as cancelled_date,

        nights_booked as nights,
        guests_count as guests,
        -- decimals add up to the same in any order
        cast(total_amount as decimal(18, 2)) as amount,
        is_business_booking
        {%- for attribute in var('booking_attributes') %},
            {{ attribute }} as attribute_{{ attribute }}
        {%- endfor %}
    from {{ source('gold', 'fact_booking_detail') }}
    where cast(created_at as date) < (select as_of_date from clock)

)

select * from final
