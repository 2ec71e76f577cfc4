with versions as (

    select
        property_id,
        known_from,
        base_price,
        lag(base_price) over property_history as price_before,
        lag(known_from) over property_history as known_before
    from {{ ref('property_versions') }}
    where base_price is not null
    window property_history as (partition by property_id order by known_from)

),

final as (

    select
        property_id,
        known_from,
        base_price,
        min(known_from) over (partition by property_id) as priced_from,
        -- of decimals, whose sum is the same in any order
        cast(
            coalesce(
                sum(cast(price_before as decimal(18, 2)) * {{ dbt.datediff('known_before', 'known_from', 'day') }}) over (
                    partition by property_id
                    order by known_from
                    rows between unbounded preceding and current row
                ), 0
            ) as double
        ) as price_days
    from versions

)

select * from final
