with versions as (

    {{ dated_versions('dim_host', key='host_id', version_key='host_key', since='joined_at') }}

),

final as (

    select
        cast(host_id as bigint) as host_id,
        known_from,
        is_verified,
        is_active,
        cast({{ believed_number('dim_host', 'rating', low=0, high=5) }} as double) as rating,
        came_date as joined_date,
        ended_date
    from versions

)

select * from final
