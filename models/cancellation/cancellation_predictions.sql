{{ public_table(product_cancellation()) }}

with scores as (

    {{ not_yet_published(ref('cancellation_scores'), ref('cancellation_champion'), 'property_id') }}

),

serving as (

    select
        model_version,
        decision_threshold
    from {{ ref('cancellation_champion') }}
    where serves or experiment_name is not null

),

-- who would have cancelled by now is no longer among the open bookings (Bayes)
open_bookings as (

    select
        *,
        cancellation_probability * later_share
        / (1 - cancellation_probability + cancellation_probability * later_share) as remaining_probability
    from scores

),

final as (

    select
        open_bookings.booking_id,
        open_bookings.property_id,
        open_bookings.destination_id,
        open_bookings.check_in_date,
        open_bookings.cancellation_probability,
        open_bookings.cancellation_probability >= serving.decision_threshold as predicted_cancellation,
        open_bookings.remaining_probability,
        open_bookings.remaining_probability * open_bookings.total_amount as revenue_at_risk,
        open_bookings.model_name,
        open_bookings.model_version,
        open_bookings.as_of_date,
        open_bookings.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        open_bookings.rule_probability as baseline_probability
    from open_bookings
    inner join serving on open_bookings.model_version = serving.model_version

)

select * from final
