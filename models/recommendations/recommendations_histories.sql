with queries as (

    select
        as_of_date,
        query_id,
        user_id
    from {{ ref('recommendations_queries') }}
    where bookings_ever > 0

),

bookings as (

    select
        user_id,
        property_id,
        created_date
    from {{ ref('stg_bookings') }}
    where created_date < (select max(as_of_date) from queries)

),

grouped as (

    select
        queries.as_of_date,
        queries.query_id,
        bookings.property_id,
        count(*) as bookings,
        max(bookings.created_date) as last_booked_date
    from queries
    inner join bookings
        on queries.user_id = bookings.user_id
        and queries.as_of_date > bookings.created_date
    group by queries.as_of_date, queries.query_id, bookings.property_id

),

final as (

    select
        *,
        last_booked_date >= as_of_date - {{ var('recommendations_pause_days') }} as is_recent,
        row_number() over (
            partition by as_of_date, query_id order by last_booked_date desc, property_id asc
        ) as recency,
        row_number() over (
            partition by as_of_date, query_id order by bookings desc, last_booked_date desc, property_id asc
        ) as fondness
    from grouped

)

select * from final
