{{ public_table(product_pricing()) }}

with scores as (

    {{ not_yet_published(ref('pricing_scores'), ref('pricing_champion'), 'property_id') }}

),

revenues as (

    select
        *,
        asked_price * expected_nights * expected_bookings as expected_revenue
    from scores

),

compared as (

    select
        changed.*,
        here.asked_price as current_price,
        here.expected_revenue as current_revenue,
        here.expected_bookings as current_bookings,
        -- what is left when the slope is worse for the change than expected
        changed.expected_revenue
        * exp(
            -{{ var('pricing_caution') }} * changed.price_slope_deviation * abs(changed.price_to_market - here.price_to_market)
        ) as cautious_revenue
    from revenues as changed
    inner join revenues as here
        on changed.property_id = here.property_id
        and changed.stay_month = here.stay_month
        and here.price_level = 0

),

ranked as (

    select
        *,
        row_number() over (
            partition by property_id, stay_month
            order by cautious_revenue desc, abs(price_level) asc, price_level asc
        ) as place,
        max(expected_revenue) over (partition by property_id, stay_month) as best_revenue,
        {{ price_evidence_is_thin('price_slope', 'price_slope_deviation') }} as is_thin
    from compared

),

chosen as (

    select
        *,
        case
            when best_revenue = current_revenue then 'current_price_is_best'
            when is_thin then 'thin_evidence'
            when asked_price = current_price then 'uncertain_gain'
            else 'model'
        end as recommendation_basis
    from ranked
    where place = 1

),

final as (

    select
        chosen.property_id,
        chosen.stay_month,
        chosen.destination_id,
        chosen.current_price,
        case when chosen.recommendation_basis = 'model' then chosen.asked_price else chosen.current_price end
            as recommended_price,
        chosen.current_revenue as expected_revenue_current,
        case when chosen.recommendation_basis = 'model' then chosen.expected_revenue else chosen.current_revenue end
            as expected_revenue_recommended,
        case when chosen.recommendation_basis = 'model' then chosen.expected_revenue / chosen.current_revenue - 1 else 0e0 end
            as expected_revenue_lift,
        chosen.recommendation_basis,
        chosen.model_name,
        chosen.model_version,
        chosen.as_of_date,
        chosen.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        chosen.current_bookings as expected_bookings_current,
        chosen.baseline_bookings
    from chosen

)

select * from final
