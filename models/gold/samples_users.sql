with users as (

    {{ newest_rows(source('samples', 'users'), 'user_id', ['created_at', 'email', 'name', 'country']) }}

),

final as (

    select
        user_id,
        {{ hashed('email', 'user_id') }} as email,
        {{ hashed('name', 'user_id') }} as name,
        country,
        user_type,
        is_business,
        company_name,
        cast(created_at as date) as created_at
    from users

)

select * from final
