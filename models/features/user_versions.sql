with users as (

    select * from {{ source('gold', 'dim_user') }}

),

clock as (

    select * from {{ ref('point_in_time') }}

),

ranked as (

    select
        *,
        row_number() over (partition by user_id order by effective_from, user_key) as version_number
    from users

),

-- The first version stands for the user since the sign-up: a warehouse often starts keeping versions only later.
known as (

    select
        *,
        case
            when version_number = 1 then least(cast(effective_from as date), created_at)
            else cast(effective_from as date)
        end + 1 as known_from
    from ranked

),

-- of several versions on one day, the last one holds afterwards
last_of_day as (

    select
        *,
        row_number() over (partition by user_id, known_from order by version_number desc) as recency
    from known

),

final as (

    select
        cast(last_of_day.user_id as bigint) as user_id,
        last_of_day.known_from,
        last_of_day.country,
        last_of_day.user_type,
        last_of_day.created_at as signed_up_date
    from last_of_day
    where
        last_of_day.recency = 1
        and last_of_day.known_from <= (select as_of_date from clock)

)

select * from final
