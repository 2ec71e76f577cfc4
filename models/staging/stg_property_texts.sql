{{ config(materialized='view' if var('publish_listing_texts') else 'ephemeral') }}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

versions as (

    {{ dated_versions('dim_property', key='property_id', version_key='property_key', since='created_at') }}

),

final as (

    select
        cast(property_id as bigint) as property_id,
        known_from,
        title,
        description,
        cast(property_latitude as double) as latitude,
        cast(property_longitude as double) as longitude,
        case when cast(effective_to as date) < (select as_of_date from clock) then cast(effective_to as date) end as ended_date
    from versions

)

select * from final
