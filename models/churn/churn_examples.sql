{% set label_days = 180 %}
{% set prior_days = 90 %}

with spine as (

    select * from {{ ref('churn_spine') }}

),

featured as (

    {{ as_of_join('spine', ref('user_features'), ['user_id'], 'as_of_date', 'feature_date', [
        'country', 'user_type', 'signed_up_date', 'first_booking_date', 'last_booking_date',
        'bookings_90d', 'bookings_365d', 'bookings_ever', 'nights_365d', 'nights_ever', 'spend_90d', 'spend_365d',
        'spend_ever', 'average_booking_value_ever', 'cancelled_spend_ever', 'cancellation_rate_365d',
        'cancellation_rate_ever', 'mean_gap_days', 'destinations_ever', 'mean_lead_days', 'weekend_share',
    ], wanted='spine') }}

),

aged as (

    select
        *,
        cast({{ dbt.datediff('signed_up_date', 'as_of_date', 'day') }} as double) as tenure_days,
        cast({{ dbt.datediff('last_booking_date', 'as_of_date', 'day') }} as double) as days_since_last_booking,
        cast({{ dbt.datediff('first_booking_date', 'as_of_date', 'day') }} as double) as days_since_first_booking
    from featured

),

-- the days in which a booking of the user could have been seen: gold may begin after the sign-up
observed as (

    select
        *,
        cast(greatest(least(tenure_days, history_days), days_since_first_booking) as double) as observed_days
    from aged

),

final as (

    select
        user_id,
        as_of_date,
        split,
        label_known_date,
        cast(floor(20 * {{ hash_fraction(['user_id'], salt=22) }}) as int) as user_group,
        recency,
        frequency,
        case when split not in ('score', 'reference') then cast(churned as double) end as churned,
        baseline_probability,
        naive_probability,

        -- recency
        days_since_last_booking,
        days_since_last_booking / observed_days as recency_share,
        tenure_days,
        observed_days,
        days_since_first_booking,

        -- frequency
        bookings_90d,
        bookings_365d,
        bookings_ever,
        365 * bookings_365d / least(observed_days, 365) as yearly_bookings_365d,
        365 * bookings_ever / (observed_days + {{ prior_days }}) as yearly_bookings,
        mean_gap_days,
        nights_365d,
        nights_ever / nullif(bookings_ever, 0) as mean_nights,

        -- money
        spend_90d,
        spend_365d,
        365 * spend_365d / least(observed_days, 365) as yearly_spend_365d,
        average_booking_value_ever,
        spend_ever / nullif(nights_ever, 0) as price_per_night,

        -- Recency by frequency. Of a user with a gamma-Poisson rate (a prior of one booking in {{ prior_days }} days):
        -- evidence that they are gone, the logarithm of the odds of a booking since the newest; and the probability of
        -- none in the {{ label_days }} days to come were they still there
        (bookings_ever + 1) * ln(
            (observed_days + {{ prior_days }}) / (observed_days - days_since_last_booking + {{ prior_days }})
        ) as silence,
        power(
            (observed_days + {{ prior_days }}) / (observed_days + {{ prior_days + label_days }}), bookings_ever + 1
        ) as no_booking_by_chance,
        days_since_last_booking / nullif(mean_gap_days, 0) as gaps_since_last_booking,
        bookings_365d * exp(-days_since_last_booking / {{ label_days }}) as recent_bookings,

        -- recency by money, and by frequency and money
        average_booking_value_ever * exp(-days_since_last_booking / {{ label_days }}) as recent_booking_value,
        spend_365d * exp(-days_since_last_booking / {{ label_days }}) as recent_spend,

        -- habits
        cancelled_spend_ever / nullif(spend_ever, 0) as cancelled_spend_share,
        cancellation_rate_365d,
        cancellation_rate_ever,
        destinations_ever,
        destinations_ever / nullif(bookings_ever, 0) as destinations_per_booking,
        mean_lead_days,
        weekend_share,
        country,
        user_type
    from observed

)

select * from final
