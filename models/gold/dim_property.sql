with states as (

    select * from {{ ref('property_states') }}

),

final as (

    select
        cast(dbt_scd_id as {{ dbt.type_string() }}) as property_key,
        cast(property_id as bigint) as property_id,
        cast(host_id as bigint) as host_id,
        cast(destination_id as bigint) as destination_id,
        title,
        description,
        cast(base_price as float) as base_price,
        property_type,
        cast(max_guests as int) as max_guests,
        cast(bedrooms as int) as bedrooms,
        cast(bathrooms as int) as bathrooms,
        cast(property_latitude as float) as property_latitude,
        cast(property_longitude as float) as property_longitude,
        cast(created_at as date) as created_at,
        cast(dbt_valid_from as timestamp) as effective_from,
        cast(dbt_valid_to as timestamp) as effective_to,
        dbt_valid_to is null as is_current,
        cast(dbt_valid_from as timestamp) as record_created_timestamp,
        cast(coalesce(dbt_valid_to, dbt_valid_from) as timestamp) as record_updated_timestamp
    from states

)

select * from final
