with queries as (

    select
        as_of_date,
        query_id,
        country
    from {{ ref('recommendations_queries') }}

),

listings as (

    select
        as_of_date,
        property_id,
        destination_id,
        property_type,
        price_band,
        popularity,
        popularity_rank,
        destination_rank,
        market_rank
    from {{ ref('recommendations_listings') }}
    where is_on_offer

),

all_listings as (

    select
        as_of_date,
        property_id,
        destination_id,
        property_type,
        price_band
    from {{ ref('recommendations_listings') }}

),

histories as (

    select * from {{ ref('recommendations_histories') }}

),

neighbours as (

    select * from {{ ref('recommendations_similar') }}

),

-- popular in the user's country: what its users booked, and what all booked in the weight of a few of theirs

country_popularity as (

    select * from {{ ref('recommendations_countries') }}

),

popular as (

    select
        queries.as_of_date,
        queries.query_id,
        country_popularity.property_id
    from queries
    inner join country_popularity
        on queries.as_of_date = country_popularity.as_of_date
        and queries.country = country_popularity.country
        and country_popularity.country_rank <= 15

),

-- booked before, but not of late

again as (

    select
        as_of_date,
        query_id,
        property_id
    from histories
    where fondness <= 20 and not is_recent

),

-- of the places that the user booked most, and of the markets: destination, type and price band

placed as (

    select
        histories.as_of_date,
        histories.query_id,
        all_listings.destination_id,
        all_listings.property_type,
        all_listings.price_band,
        histories.bookings,
        histories.last_booked_date
    from histories
    inner join all_listings
        on histories.as_of_date = all_listings.as_of_date
        and histories.property_id = all_listings.property_id

),

places as (

    select
        as_of_date,
        query_id,
        destination_id,
        row_number() over (
            partition by as_of_date, query_id
            order by sum(bookings) desc, max(last_booked_date) desc, destination_id asc
        ) as place
    from placed
    group by as_of_date, query_id, destination_id

),

markets as (

    select
        as_of_date,
        query_id,
        destination_id,
        property_type,
        price_band,
        row_number() over (
            partition by as_of_date, query_id
            order by
                sum(bookings) desc, max(last_booked_date) desc,
                destination_id asc, property_type asc, price_band asc
        ) as place
    from placed
    group by as_of_date, query_id, destination_id, property_type, price_band

),

in_places as (

    select
        places.as_of_date,
        places.query_id,
        listings.property_id,
        case when places.place = 1 then listings.destination_rank end as first_place_rank
    from places
    inner join listings
        on places.as_of_date = listings.as_of_date
        and places.destination_id = listings.destination_id
        and (
            (places.place = 1 and listings.destination_rank <= 15)
            or (places.place = 2 and listings.destination_rank <= 5)
        )

),

in_markets as (

    select
        markets.as_of_date,
        markets.query_id,
        listings.property_id
    from markets
    inner join listings
        on markets.as_of_date = listings.as_of_date
        and markets.destination_id = listings.destination_id
        and markets.property_type = listings.property_type
        and markets.price_band = listings.price_band
        and markets.place <= 3
        and listings.market_rank <= 4

),

-- like what the user booked of late: by its guests, by its words, by its place

alike as (

    select
        as_of_date,
        query_id,
        similar_id as property_id,
        source,
        similarity,
        row_number() over (partition by as_of_date, query_id, source order by similarity desc, similar_id asc) as place
    from (
        select
            histories.as_of_date,
            histories.query_id,
            neighbours.similar_id,
            neighbours.source,
            case
                -- guests in common of several properties add up
                when neighbours.source = 'co_booked' then cast(sum(cast(neighbours.similarity as decimal(28, 9))) as double)
                else max(neighbours.similarity)
            end as similarity
        from histories
        inner join neighbours
            on histories.as_of_date = neighbours.as_of_date
            and histories.property_id = neighbours.property_id
        where
            histories.recency <= case
                when neighbours.source = 'co_booked' then {{ var('recommendations_recent_properties') }}
                else 3
            end
        group by histories.as_of_date, histories.query_id, neighbours.similar_id, neighbours.source
    ) as summed

),

unioned as (

    {% for source in ['popular', 'again', 'in_markets'] %}
        select
            as_of_date,
            query_id,
            property_id,
            null as first_place_rank,
            null as co_booking,
            null as wording
        from {{ source }}
        union all
    {% endfor %}
    select
        as_of_date,
        query_id,
        property_id,
        first_place_rank,
        null as co_booking,
        null as wording
    from in_places
    union all
    select
        as_of_date,
        query_id,
        property_id,
        null as first_place_rank,
        case when source = 'co_booked' then similarity end as co_booking,
        case when source = 'worded' then similarity end as wording
    from alike
    where place <= case when source = 'co_booked' then 8 else 4 end

),

grouped as (

    select
        as_of_date,
        query_id,
        property_id,
        cast(min(first_place_rank) as int) as first_place_rank,
        cast(coalesce(max(co_booking), 0) as double) as co_booking,
        cast(coalesce(max(wording), 0) as double) as wording
    from unioned
    group by as_of_date, query_id, property_id

),

final as (

    select
        grouped.as_of_date,
        grouped.query_id,
        grouped.property_id,
        grouped.first_place_rank,
        grouped.co_booking,
        grouped.wording
    from grouped
    inner join listings
        on grouped.as_of_date = listings.as_of_date
        and grouped.property_id = listings.property_id
    left join histories
        on grouped.as_of_date = histories.as_of_date
        and grouped.query_id = histories.query_id
        and grouped.property_id = histories.property_id
        and histories.is_recent
    where histories.property_id is null

)

select * from final
