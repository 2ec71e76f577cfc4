{{ public_table(product_cancellation()) }}

with scores as (

    {{ not_yet_published(ref('cancellation_scores'), ref('cancellation_champion'), 'property_id') }}

),

serving as (

    select
        model_version,
        as_of_date,
        decision_threshold
    from {{ ref('cancellation_champion') }}
    where serves or experiment_name is not null

),

-- of the newest evaluation as of the day that is scored, which may be scored again; versions that were judged before there
-- was one have the threshold of the moment of booking
thresholds as (

    select
        metrics.model_version,
        max_by(metrics.metric_value, metrics.as_of_date) as remaining_threshold
    from {{ ref('cancellation_metrics') }} as metrics
    inner join serving
        on metrics.model_version = serving.model_version
        and metrics.as_of_date <= serving.as_of_date
    where
        metrics.split = 'validation'
        and metrics.segment = 'all'
        and metrics.metric_name = 'remaining_best_threshold'
    group by metrics.model_version

),

open_bookings as (

    select
        *,
        {{ remaining('cancellation_probability') }} as remaining_probability
    from scores

),

final as (

    select
        open_bookings.booking_id,
        open_bookings.property_id,
        open_bookings.destination_id,
        open_bookings.check_in_date,
        open_bookings.cancellation_probability,
        open_bookings.remaining_probability,
        open_bookings.remaining_probability >= coalesce(thresholds.remaining_threshold, serving.decision_threshold)
            as predicted_cancellation,
        open_bookings.cancellation_probability >= serving.decision_threshold as called_when_made,
        round(open_bookings.remaining_probability * open_bookings.total_amount, 2) as revenue_at_risk,
        open_bookings.model_name,
        open_bookings.model_version,
        open_bookings.as_of_date,
        open_bookings.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        open_bookings.rule_probability as baseline_probability
    from open_bookings
    inner join serving on open_bookings.model_version = serving.model_version
    left join thresholds on open_bookings.model_version = thresholds.model_version

)

select * from final
