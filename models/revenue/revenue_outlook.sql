{{ config(
    materialized='incremental',
    unique_key=['scoring_date', 'forecast_level', 'destination_id', 'window_days'],
    full_refresh=false,
    post_hook="{{ delete_older(this, 'scoring_date', product_revenue().truth_days + 30) }}",
    tags=[product_revenue().cadence],
    access='public',
    group='revenue'
) }}

with champion as (

    select
        model_version,
        as_of_date
    from {{ ref('revenue_champion') }}
    where serves

),

scores as (

    {{ not_yet_published(ref('revenue_scores')) }}

),

final as (

    select
        scores.forecast_level,
        scores.destination_id,
        scores.window_days,
        scores.as_of_date + 1 as first_date,
        scores.forecast_date as last_date,
        round(scores.forecast_revenue, 2) as forecast_revenue,
        round(scores.lower_80, 2) as lower_80,
        round(scores.upper_80, 2) as upper_80,
        scores.model_name,
        scores.model_version,
        scores.as_of_date,
        scores.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at
    from scores
    inner join champion
        on scores.as_of_date = champion.as_of_date
        and scores.model_version = champion.model_version
    where scores.window_days > 1

)

select * from final
