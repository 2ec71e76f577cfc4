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

-- of several versions on one day, the last one holds afterwards
last_of_day as (

    select
        *,
        row_number() over (partition by property_id, known_from order by version_number desc) as recency
    from known

),

final as (

    select
        cast(last_of_day.property_id as bigint) as property_id,
        last_of_day.known_from,
        cast(last_of_day.host_id as bigint) as host_id,
        cast(last_of_day.destination_id as bigint) as destination_id,
        last_of_day.property_type,
        cast(last_of_day.base_price as double) as base_price,
        cast(last_of_day.max_guests as double) as max_guests,
        cast(last_of_day.bedrooms as double) as bedrooms,
        cast(last_of_day.bathrooms as double) as bathrooms,
        last_of_day.created_at as listed_date
    from last_of_day
    where
        last_of_day.recency = 1
        and last_of_day.known_from <= (select as_of_date from clock)

)

select * from final
