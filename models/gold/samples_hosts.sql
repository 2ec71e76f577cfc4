with hosts as (

    {{ newest_rows(source('samples', 'hosts'), 'host_id', ['joined_at', 'rating', 'email', 'name']) }}

),

final as (

    select
        host_id,
        {{ hashed('name', 'host_id') }} as name,
        {{ hashed('email', 'host_id') }} as email,
        {{ hashed('phone', 'host_id') }} as phone,
        is_verified,
        is_active,
        rating,
        country,
        joined_at
    from hosts

)

select * from final
