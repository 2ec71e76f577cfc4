with versions as (

    {{ dated_versions('dim_user', key='user_id', version_key='user_key', since='created_at') }}

),

final as (

    select
        cast(user_id as bigint) as user_id,
        known_from,
        country,
        user_type,
        came_date as signed_up_date,
        ended_date
    from versions

)

select * from final
