{{ config(materialized='view') }}

{% set attributes = var('booking_attributes') %}
{% set prior_bookings = 10 %}

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
        case when is_business_booking then 1e0 else 0e0 end as is_business_booking
        {% for attribute in attributes %}
            , attribute_{{ attribute }}
            , cast(attribute_{{ attribute }} as {{ dbt.type_string() }}) as text_{{ attribute }}
        {% endfor %}
    from {{ ref('stg_bookings') }}
    where
        created_date < (select as_of_date from clock)
        and check_in_date >= created_date

),

-- the outcome is the one at arrival, known on the morning after it
banded as (

    select
        *,
        case when cancelled_date <= check_in_date then 1 else 0 end as cancelled,
        {{ band_name('lead_days', product_cancellation().bands.lead_band.bands) }} as lead_band
    from bookings

),

decided as (

    select
        'all' as platform,
        lead_band,
        check_in_date,
        1 as decided,
        cancelled
    from banded
    where label_known_date <= (select as_of_date from clock)

),

rates_by_lead as (

    {{ rolling_windows(
        'decided', 'lead_band', 'check_in_date', {'decided': [365], 'cancelled': [365]}, until='(select as_of_date from clock)'
    ) }}

),

rates_of_all as (

    {{ rolling_windows(
        'decided', 'platform', 'check_in_date', {'decided': [365], 'cancelled': [365]}, until='(select as_of_date from clock)'
    ) }}

),

platform_bookings as (

    select
        'all' as platform,
        banded.*
    from banded

),

bookings_by_lead as (

    {{ as_of_join('platform_bookings', 'rates_by_lead', ['lead_band'], 'created_date', 'feature_date', {
        'decided_365d': 'decided_of_lead', 'cancelled_365d': 'cancelled_of_lead'
    }, wanted='platform_bookings') }}

),

bookings_of_all as (

    {{ as_of_join('bookings_by_lead', 'rates_of_all', ['platform'], 'created_date', 'feature_date', {
        'decided_365d': 'decided_of_all', 'cancelled_365d': 'cancelled_of_all'
    }, wanted='platform_bookings') }}

),

-- one in five is a guess for the first days of gold, worth ten bookings
final as (

    select
        *,
        (
            coalesce(cancelled_of_lead, 0)
            + {{ prior_bookings }} * (coalesce(cancelled_of_all, 0) + 2) / (coalesce(decided_of_all, 0) + 10)
        ) / (coalesce(decided_of_lead, 0) + {{ prior_bookings }}) as baseline_probability
    from bookings_of_all

)

select * from final
