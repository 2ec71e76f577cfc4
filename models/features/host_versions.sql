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

final as (

    select
        known.host_id,
        known.known_from,
        known.is_verified,
        known.is_active,
        cast(known.rating as double) as rating,
        known.joined_at as joined_date
    from known
    inner join clock on known.known_from <= clock.as_of_date

)

select * from final
