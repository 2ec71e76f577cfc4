with versions as (

    {{ dated_versions('dim_property', key='property_id', version_key='property_key', since='created_at') }}

),

final as (

    select
        cast(property_id as bigint) as property_id,
        known_from,
        cast(host_id as bigint) as host_id,
        cast(destination_id as bigint) as destination_id,
        property_type,
        cast(base_price as double) as base_price,
        cast(max_guests as double) as max_guests,
        cast(bedrooms as double) as bedrooms,
        cast(bathrooms as double) as bathrooms,
        created_at as listed_date
    from versions

)

select * from final
