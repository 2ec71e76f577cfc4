with properties as (

    {{ newest_rows(source('samples', 'properties'), 'property_id', ['created_at', 'base_price', 'host_id', 'title']) }}

),

final as (

    select
        property_id,
        host_id,
        destination_id,
        title,
        description,
        base_price,
        property_type,
        max_guests,
        bedrooms,
        bathrooms,
        property_latitude,
        property_longitude,
        created_at
    from properties

)

select * from final
