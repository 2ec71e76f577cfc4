{{ config(materialized='ephemeral') }}

with snapshots as (

    select * from {{ ref('pricing_snapshots') }}

),

asked as (

    select * from {{ ref('pricing_prices') }}

),

-- markets: what comparable properties ask, same destination, type and size

markets as (

    select
        destination_id,
        property_type,
        property_id as market_id
    from (
        select
            destination_id,
            property_type,
            property_id,
            row_number() over (partition by destination_id, property_type order by known_from, property_id) as seniority
        from asked
    ) as ranked
    where seniority = 1

),

offers as (

    select
        snapshots.as_of_date,
        asked.property_id,
        asked.destination_id,
        asked.property_type,
        asked.base_price,
        coalesce(asked.bedrooms, 0) as size,
        ln(asked.base_price) as log_price,
        {{ exact_mean(
            'ln(asked.base_price)',
            'over (partition by snapshots.as_of_date, asked.destination_id, asked.property_type)'
        ) }} as market_log_price
    from snapshots
    inner join asked
        on snapshots.as_of_date > asked.asked_from
        and snapshots.as_of_date <= asked.asked_until

),

sizes as (

    select
        as_of_date,
        size,
        {{ exact_mean('log_price - market_log_price') }} as size_effect
    from offers
    group by as_of_date, size

),

market_months as (

    select
        offers.as_of_date,
        offers.destination_id,
        offers.property_type,
        count(*) as market_listings,
        {{ exact_mean('offers.log_price - sizes.size_effect') }} as log_level
    from offers
    inner join sizes
        on offers.as_of_date = sizes.as_of_date
        and offers.size = sizes.size
    group by offers.as_of_date, offers.destination_id, offers.property_type

),

-- the mean of a year, so that the yardstick does not move with season and demand as prices do
market_levels as (

    select
        *,
        avg(log_level) over (
            partition by destination_id, property_type
            order by as_of_date
            rows between 11 preceding and current row
        ) as log_level_365d
    from market_months

),

final as (

    select
        offers.as_of_date,
        offers.property_id,
        offers.destination_id,
        offers.property_type,
        offers.base_price,
        markets.market_id,
        market_levels.market_listings,
        exp(market_levels.log_level_365d + sizes.size_effect) as market_price,
        exp(market_levels.log_level - market_levels.log_level_365d) as market_price_index
    from offers
    inner join markets
        on offers.destination_id = markets.destination_id
        and offers.property_type = markets.property_type
    inner join market_levels
        on offers.as_of_date = market_levels.as_of_date
        and offers.destination_id = market_levels.destination_id
        and offers.property_type = market_levels.property_type
    inner join sizes
        on offers.as_of_date = sizes.as_of_date
        and offers.size = sizes.size

)

select * from final
