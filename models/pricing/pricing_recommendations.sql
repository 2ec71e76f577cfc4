{{ public_table(product_pricing()) }}

{% set largest = pricing_largest_change() / 100 %}

with scores as (

    {{ not_yet_published(ref('pricing_scores'), ref('pricing_champion'), 'property_id') }}

),

asked as (

    select * from {{ ref('pricing_prices') }}

),

-- what the property asked a month before; of a newer one, what it asks
month_ago as (

    select
        days.property_id,
        max(asked.base_price) as price_month_ago
    from (
        select distinct
            property_id,
            as_of_date
        from scores
    ) as days
    inner join asked
        on days.property_id = asked.property_id
        and days.as_of_date - 30 >= asked.asked_from
        and days.as_of_date - 30 < asked.asked_until
    group by days.property_id

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
            -{{ var('pricing_caution') }} * here.price_slope_deviation * abs(changed.price_to_market - here.price_to_market)
        ) as cautious_revenue,
        -- a step from the price of now and from that of a month ago, which scoring every week would else leave far behind
        abs(changed.price_level) <= {{ largest }}
        and changed.asked_price between
        least(here.asked_price, coalesce(month_ago.price_month_ago, here.asked_price) * (1 - {{ largest }}))
        and greatest(here.asked_price, coalesce(month_ago.price_month_ago, here.asked_price) * (1 + {{ largest }}))
            as is_in_reach
    from revenues as changed
    inner join revenues as here
        on changed.property_id = here.property_id
        and changed.stay_month = here.stay_month
        and here.price_level = 0
    left join month_ago on changed.property_id = month_ago.property_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by property_id, stay_month
            order by is_in_reach desc, cautious_revenue desc, abs(price_level) asc, price_level asc
        ) as place,
        max(cautious_revenue) over (partition by property_id, stay_month) as best_cautious_revenue,
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
            when cautious_revenue < best_cautious_revenue then 'one_step'
            when asked_price = current_price then 'uncertain_gain'
            else 'model'
        end as recommendation_basis
    from ranked
    where place = 1

),

taken as (

    select
        *,
        recommendation_basis in ('model', 'one_step') as is_change
    from chosen

),

final as (

    select
        property_id,
        stay_month,
        destination_id,
        round(current_price, 2) as current_price,
        round(case when is_change then asked_price else current_price end, 2) as recommended_price,
        round(current_revenue, 2) as expected_revenue_current,
        round(case when is_change then expected_revenue else current_revenue end, 2) as expected_revenue_recommended,
        case when is_change then expected_revenue / current_revenue - 1 else 0e0 end as expected_revenue_lift,
        recommendation_basis,
        model_name,
        model_version,
        as_of_date,
        as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        current_bookings as expected_bookings_current,
        baseline_bookings
    from taken

)

select * from final
