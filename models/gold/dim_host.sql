with states as (

    select * from {{ ref('host_states') }}

),

final as (

    select
        cast(dbt_scd_id as {{ dbt.type_string() }}) as host_key,
        cast(host_id as bigint) as host_id,
        name,
        email,
        phone,
        is_verified,
        is_active,
        cast(rating as float) as rating,
        country,
        cast(joined_at as date) as joined_at,
        cast(dbt_valid_from as timestamp) as effective_from,
        cast(dbt_valid_to as timestamp) as effective_to,
        dbt_valid_to is null as is_current,
        cast(dbt_valid_from as timestamp) as record_created_timestamp,
        cast(coalesce(dbt_valid_to, dbt_valid_from) as timestamp) as record_updated_timestamp
    from states

)

select * from final
