{{ config(
    materialized='incremental',
    unique_key=['scoring_date', 'property_id', 'stay_month'],
    full_refresh=false,
    post_hook="{{ delete_older(this, 'scoring_date', 31 * pricing_months() + 30) }}"
) }}

with scores as (

    select
        *,
        asked_price * expected_nights * expected_bookings as expected_revenue
    from {{ ref('pricing_scores') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by property_id, stay_month
            order by expected_revenue desc, abs(price_level)
        ) as place
    from scores

),

compared as (

    select
        best.property_id,
        best.stay_month,
        best.destination_id,
        best.asked_price as best_price,
        best.expected_revenue as best_revenue,
        here.asked_price as current_price,
        here.expected_revenue as current_revenue,
        case
            when best.asked_price = here.asked_price then 'current_price_is_best'
            when {{ price_evidence_is_thin('best.price_slope', 'best.price_slope_deviation') }} then 'thin_evidence'
            when not {{ price_gain_is_clear(
                'ln(best.expected_revenue / here.expected_revenue)',
                'best.price_slope_deviation * abs(best.price_to_market - here.price_to_market)'
            ) }} then 'uncertain_gain'
            else 'model'
        end as recommendation_basis,
        best.model_name,
        best.model_version,
        best.as_of_date
    from ranked as best
    inner join scores as here
        on best.property_id = here.property_id
        and best.stay_month = here.stay_month
        and here.price_level = 0
    where best.place = 1

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
        compared.property_id,
        compared.stay_month,
        compared.destination_id,
        compared.current_price,
        case when compared.recommendation_basis = 'model' then compared.best_price else compared.current_price end
            as recommended_price,
        compared.current_revenue as expected_revenue_current,
        case when compared.recommendation_basis = 'model' then compared.best_revenue else compared.current_revenue end
            as expected_revenue_recommended,
        case when compared.recommendation_basis = 'model' then compared.best_revenue / compared.current_revenue - 1 else 0e0 end
            as expected_revenue_lift,
        compared.recommendation_basis,
        compared.model_name,
        compared.model_version,
        compared.as_of_date,
        compared.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at
    from compared
    {% if is_incremental() %}
        left join written
            on compared.as_of_date = written.scoring_date
            and compared.model_version = written.model_version
        -- a day that this version has scored already stays as it was written
        where written.scoring_date is null
    {% endif %}

)

select * from final
