with versions as (

    select * from {{ ref('property_versions') }}

),

-- each version adds its price to its market until the next one does, or until it ends
changes as (

    select
        destination_id,
        property_type,
        known_from,
        cast(base_price as decimal(18, 2)) as price_change,
        1 as listing_change
    from versions
    where base_price is not null
    union all
    select
        destination_id,
        property_type,
        replaced_from as known_from,
        -cast(base_price as decimal(18, 2)) as price_change,
        -1 as listing_change
    from (
        select
            *,
            coalesce(lead(known_from) over (partition by property_id order by known_from), ended_date + 1) as replaced_from
        from versions
    ) as followed
    where replaced_from is not null and base_price is not null

),

daily as (

    select
        destination_id,
        property_type,
        known_from,
        sum(price_change) as price_change,
        sum(listing_change) as listing_change
    from changes
    group by destination_id, property_type, known_from

),

running as (

    select
        destination_id,
        property_type,
        known_from,
        sum(price_change) over market_history as price_total,
        sum(listing_change) over market_history as listing_count
    from daily
    window
        market_history as (
            partition by destination_id, property_type
            order by known_from
            rows between unbounded preceding and current row
        )

),

final as (

    select
        destination_id,
        property_type,
        known_from,
        listing_count,
        cast(price_total as double) / nullif(listing_count, 0) as market_price
    from running

)

select * from final
