{% set half_life = 60 %}
{% set prior_bookings = 20 %}

with listings as (

    select
        as_of_date,
        property_id,
        destination_id,
        popularity,
        popularity_rank,
        is_on_offer
    from {{ ref('recommendations_listings') }}

),

snapshots as (

    select
        as_of_date,
        sum(cast(popularity as decimal(28, 9))) as popularity
    from listings
    group by as_of_date

),

countries as (

    select distinct
        as_of_date,
        country
    from {{ ref('recommendations_queries') }}

),

bookings as (

    select
        user_id,
        property_id,
        created_date
    from {{ ref('stg_bookings') }}
    where created_date < (select max(as_of_date) from listings)

),

residences as (

    select
        user_id,
        country,
        known_from,
        lead(known_from) over (partition by user_id order by known_from) as known_until
    from {{ ref('user_versions') }}

),

-- where the guest lived when the booking was made, as far as known then
located as (

    select
        bookings.property_id,
        bookings.created_date,
        residences.country
    from bookings
    left join residences
        on bookings.user_id = residences.user_id
        and bookings.created_date >= residences.known_from
        and (residences.known_until is null or residences.known_until > bookings.created_date)

),

booked as (

    select
        snapshots.as_of_date,
        coalesce(located.country, 'unknown') as country,
        located.property_id,
        sum({{ decayed_weight(dbt.datediff('located.created_date', 'snapshots.as_of_date', 'day'), half_life) }})
        / 1e6 as popularity
    from snapshots
    inner join located
        on snapshots.as_of_date > located.created_date
        -- older ones count for less than a sixtieth
        and snapshots.as_of_date <= located.created_date + 365
    group by snapshots.as_of_date, coalesce(located.country, 'unknown'), located.property_id

),

totals as (

    select
        as_of_date,
        country,
        cast(sum(cast(popularity as decimal(28, 9))) as double) as popularity
    from booked
    group by as_of_date, country

),

-- what a country booked itself, and what is popular with all
considered as (

    select
        as_of_date,
        country,
        property_id
    from booked
    union
    select
        countries.as_of_date,
        countries.country,
        listings.property_id
    from countries
    inner join listings
        on countries.as_of_date = listings.as_of_date
        and listings.popularity_rank <= 50

),

scored as (

    select
        considered.as_of_date,
        considered.country,
        considered.property_id,
        listings.destination_id,
        listings.is_on_offer,
        coalesce(booked.popularity, 0) as booked_popularity,
        (
            coalesce(booked.popularity, 0)
            + {{ prior_bookings }} * listings.popularity / nullif(cast(snapshots.popularity as double), 0)
        ) / (coalesce(totals.popularity, 0) + {{ prior_bookings }}) as country_share
    from considered
    inner join countries
        on considered.as_of_date = countries.as_of_date
        and considered.country = countries.country
    inner join listings
        on considered.as_of_date = listings.as_of_date
        and considered.property_id = listings.property_id
    inner join snapshots on considered.as_of_date = snapshots.as_of_date
    left join booked
        on considered.as_of_date = booked.as_of_date
        and considered.country = booked.country
        and considered.property_id = booked.property_id
    left join totals
        on considered.as_of_date = totals.as_of_date
        and considered.country = totals.country

),

final as (

    select
        as_of_date,
        country,
        property_id,
        destination_id,
        is_on_offer,
        booked_popularity,
        country_share,
        row_number() over (
            partition by as_of_date, country
            order by case when is_on_offer then 0 else 1 end asc, country_share desc, property_id asc
        ) as country_rank
    from scored

)

select * from final
