{{ config(materialized='view') }}

{% set attributes = var('booking_attributes') %}
{% set alike = bands([1, 2, 3, 5, 10, 20], name='%d-%d', one='%d', open='%d or more') %}

with decision as (

    select * from {{ ref('cancellation_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

-- what is known when a booking is made, and cancelled_date, which is not; a booking made after its own arrival cannot
-- be predicted
bookings as (

    select
        booking_id,
        user_id,
        host_id,
        property_id,
        destination_id,
        created_date,
        check_in_date,
        check_in_date + 1 as label_known_date,
        cancelled_date,
        {{ dbt.datediff('created_date', 'check_in_date', 'day') }} as lead_days,
        cast(nights as double) as nights,
        cast(guests as double) as guests,
        cast(amount as double) as total_amount,
        case when is_business_booking then 1e0 else 0e0 end as is_business_booking,
        cast(bookings_alike as double) as bookings_alike,
        {{ band_name('bookings_alike', alike) }} as alike_band
        {% for attribute in attributes %}
            , attribute_{{ attribute }}
            , cast(attribute_{{ attribute }} as {{ dbt.type_string() }}) as text_{{ attribute }}
        {% endfor %}
    from {{ ref('cancellation_booked') }}
    where
        created_date < (select as_of_date from clock)
        and check_in_date >= created_date

),

-- the outcome is the one at arrival, known on the morning after it
final as (

    select
        *,
        case when cancelled_date <= check_in_date then 1 else 0 end as cancelled,
        {{ band_name('lead_days', product_cancellation().bands.lead_band.bands) }} as lead_band
    from bookings

)

select * from final
