{{ config(materialized='ephemeral') }}

with listings as (

    select * from {{ ref('recommendations_listings') }}

),

country_popularity as (

    select * from {{ ref('recommendations_countries') }}

),

country_destinations as (

    select
        as_of_date,
        country,
        destination_id,
        sum(cast(booked_popularity as decimal(28, 9))) as popularity,
        sum(sum(cast(booked_popularity as decimal(28, 9)))) over (partition by as_of_date, country) as country_popularity
    from country_popularity
    group by as_of_date, country, destination_id

),

destinations as (

    select
        as_of_date,
        destination_id,
        sum(cast(popularity as decimal(28, 9))) as popularity,
        sum(sum(cast(popularity as decimal(28, 9)))) over (partition by as_of_date) as all_popularity
    from listings
    group by as_of_date, destination_id

),

final as (

    select
        country_destinations.as_of_date,
        country_destinations.country,
        country_destinations.destination_id,
        cast(country_destinations.country_popularity as double) as country_popularity,
        -- a prior of 20 bookings like everybody's
        (
            cast(country_destinations.popularity as double)
            + 20 * cast(destinations.popularity as double) / nullif(cast(destinations.all_popularity as double), 0)
        )
        / (cast(country_destinations.country_popularity as double) + 20)
        / nullif(cast(destinations.popularity as double) / nullif(cast(destinations.all_popularity as double), 0), 0)
            as affinity
    from country_destinations
    inner join destinations
        on country_destinations.as_of_date = destinations.as_of_date
        and country_destinations.destination_id = destinations.destination_id

)

select * from final
