{{ config(materialized='ephemeral') }}

with versions as (

    select * from {{ ref('property_versions') }}

),

final as (

    select
        versions.property_id,
        versions.destination_id,
        versions.property_type,
        versions.base_price,
        versions.bedrooms,
        versions.known_from,
        -- a price holds from the day before it is known
        versions.known_from - 1 as asked_from,
        coalesce(
            lead(versions.known_from) over (partition by versions.property_id order by versions.known_from) - 1,
            versions.ended_date,
            cast('9999-12-31' as date)
        ) as asked_until
    from versions
    where versions.base_price > 0

)

select * from final
