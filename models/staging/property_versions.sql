with versions as (

    {{ dated_versions('dim_property', key='property_id', version_key='property_key', since='created_at') }}

),

final as (

    select
        cast(property_id as bigint) as property_id,
        known_from,
        cast(host_id as bigint) as host_id,
        cast(destination_id as bigint) as destination_id,
        -- a market without a name is one, too
        coalesce(nullif(property_type, ''), 'unknown') as property_type,
        cast({{ believed_number('dim_property', 'base_price', low=0.01) }} as double) as base_price,
        cast({{ believed_number('dim_property', 'max_guests', low=1) }} as double) as max_guests,
        cast({{ believed_number('dim_property', 'bedrooms', low=0) }} as double) as bedrooms,
        cast({{ believed_number('dim_property', 'bathrooms', low=0) }} as double) as bathrooms,
        came_date as listed_date,
        ended_date
    from versions
    where host_id is not null and destination_id is not null

)

select * from final
