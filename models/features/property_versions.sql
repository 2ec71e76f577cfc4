with properties as (

    select * from {{ source('gold', 'dim_property') }}

),

clock as (

    select * from {{ ref('point_in_time') }}

),

ranked as (

    select
        *,
        row_number() over (partition by property_id order by effective_from, property_key) as version_number
    from properties

),

-- The first version stands for the property since it was listed: a warehouse often starts
-- keeping versions only later.
known as (

    select
        *,
        case
            when version_number = 1 then least(cast(effective_from as date), created_at)
            else cast(effective_from as date)
        end + 1 as known_from
    from ranked

),

final as (

    select
        known.property_id,
        known.known_from,
        known.host_id,
        known.destination_id,
        known.property_type,
        cast(known.base_price as double) as base_price,
        cast(known.max_guests as double) as max_guests,
        cast(known.bedrooms as double) as bedrooms,
        cast(known.bathrooms as double) as bathrooms,
        known.created_at as listed_date
    from known
    inner join clock on known.known_from <= clock.as_of_date

)

select * from final
