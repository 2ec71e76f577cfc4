with states as (

    select * from {{ ref('user_states') }}

),

final as (

    select
        cast(dbt_scd_id as {{ dbt.type_string() }}) as user_key,
        cast(user_id as bigint) as user_id,
        email,
        name,
        country,
        user_type,
        is_business,
        company_name,
        cast(created_at as date) as created_at,
        cast(dbt_valid_from as timestamp) as effective_from,
        cast(dbt_valid_to as timestamp) as effective_to,
        dbt_valid_to is null as is_current,
        cast(dbt_valid_from as timestamp) as record_created_timestamp,
        cast(coalesce(dbt_valid_to, dbt_valid_from) as timestamp) as record_updated_timestamp
    from states

)

select * from final
