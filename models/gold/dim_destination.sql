with destinations as (

    {{ newest_rows(source('samples', 'destinations'), 'destination_id', ['destination', 'country']) }}

),

final as (

    select
        cast(destination_id as bigint) as destination_id,
        destination,
        country,
        state_or_province,
        state_or_province_code,
        description,
        -- raw does not say when it was written
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp) as record_created_timestamp,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp) as record_updated_timestamp
    from destinations

)

select * from final
