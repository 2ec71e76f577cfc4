{{ config(
    materialized='incremental',
    unique_key=['scoring_date', 'forecast_level', 'destination_id', 'window_days'],
    full_refresh=false,
    post_hook="{{ delete_older(this, 'scoring_date', 120) }}"
) }}

with champion as (

    select
        model_version,
        as_of_date
    from {{ ref('revenue_champion') }}
    where serves

),

scores as (

    select scores.*
    from {{ ref('revenue_scores') }} as scores
    inner join champion
        on scores.as_of_date = champion.as_of_date
        and scores.model_version = champion.model_version
    where scores.window_days > 1

),

{% if is_incremental() %}
    written as (

        select distinct
            scoring_date,
            model_version
        from {{ this }}

    ),
{% endif %}

final as (

    select
        scores.forecast_level,
        scores.destination_id,
        scores.window_days,
        scores.as_of_date + 1 as first_date,
        scores.forecast_date as last_date,
        scores.forecast_revenue,
        scores.lower_80,
        scores.upper_80,
        scores.model_name,
        scores.model_version,
        scores.as_of_date,
        scores.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at
    from scores
    {% if is_incremental() %}
        left join written
            on scores.as_of_date = written.scoring_date
            and scores.model_version = written.model_version
        -- a day that this version has scored already stays as it was written
        where written.scoring_date is null
    {% endif %}

)

select * from final
