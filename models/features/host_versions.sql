with hosts as (

    select * from {{ source('gold', 'dim_host') }}

),

clock as (

    select * from {{ ref('point_in_time') }}

),

ranked as (

    select
        *,
        row_number() over (partition by host_id order by effective_from, host_key) as version_number
    from hosts

),

known as (

    select
        *,
        case
            when version_number = 1 then least(cast(effective_from as date), joined_at)
            else cast(effective_from as date)
        end + 1 as known_from
    from ranked

),

-- of several versions on one day, the last one holds afterwards
last_of_day as (

    select
        *,
        row_number() over (partition by host_id, known_from order by version_number desc) as recency
    from known

),

final as (

    select
        cast(last_of_day.host_id as bigint) as host_id,
        last_of_day.known_from,
        last_of_day.is_verified,
        last_of_day.is_active,
        cast(last_of_day.rating as double) as rating,
        last_of_day.joined_at as joined_date
    from last_of_day
    where
        last_of_day.recency = 1
        and last_of_day.known_from <= (select as_of_date from clock)

)

select * from final
