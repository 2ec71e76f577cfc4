{{ config(materialized='view' if var('publish_listing_texts') else 'ephemeral') }}

with versions as (

    {{ dated_versions('dim_property', key='property_id', version_key='property_key', since='created_at') }}

),

final as (

    select
        cast(property_id as bigint) as property_id,
        known_from,
        title,
        description,
        cast({{ believed_number('dim_property', 'property_latitude', low=-90, high=90) }} as double) as latitude,
        cast({{ believed_number('dim_property', 'property_longitude', low=-180, high=180) }} as double) as longitude,
        ended_date
    from versions

)

select * from final
