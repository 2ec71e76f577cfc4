{{ config(
    materialized='incremental',
    unique_key=['scoring_date', 'property_id', 'check_in_date'],
    full_refresh=false,
    post_hook="{{ delete_older(this, 'scoring_date', demand_horizon() + 30) }}"
) }}

with scores as (

    select * from {{ ref('demand_scores') }}

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
        scores.property_id,
        scores.check_in_date,
        scores.destination_id,
        scores.predicted_bookings,
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
