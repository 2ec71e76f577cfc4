with queries as (

    select * from {{ ref('recommendations_queries') }}

),

proposed as (

    select
        items.*,
        case when queries.split = 'train' then queries.next_property_id end as taught_property_id
    from {{ ref('recommendations_spine') }} as items
    inner join queries
        on items.as_of_date = queries.as_of_date
        and items.query_id = queries.query_id

),

taught as (

    select
        as_of_date,
        query_id
    from proposed
    where property_id = taught_property_id

),

-- a query whose next property is no item teaches nothing, yet counts as missed where a version is judged
items as (

    select proposed.*
    from proposed
    left join taught
        on proposed.as_of_date = taught.as_of_date
        and proposed.query_id = taught.query_id
    where proposed.taught_property_id is null or taught.query_id is not null

),

listings as (

    select * from {{ ref('recommendations_listings') }}

),

places as (

    select
        as_of_date,
        property_id,
        latitude,
        longitude
    from {{ ref('recommendations_texts') }}

),

histories as (

    select * from {{ ref('recommendations_histories') }}

),

country_popularity as (

    select * from {{ ref('recommendations_countries') }}

),

-- habits of the user: what share of the bookings went to a destination, a type, a price band

booked as (

    select
        histories.as_of_date,
        histories.query_id,
        histories.property_id,
        histories.bookings,
        histories.recency,
        listings.destination_id,
        listings.property_type,
        listings.price_band,
        cast(sum(histories.bookings) over (partition by histories.as_of_date, histories.query_id) as double) as all_bookings
    from histories
    inner join listings
        on histories.as_of_date = listings.as_of_date
        and histories.property_id = listings.property_id

),

{% set habits = ['destination_id', 'property_type', 'price_band'] %}
{% for habit in habits %}
    shares_of_{{ habit }} as (

        select
            as_of_date,
            query_id,
            {{ habit }},
            sum(bookings) / max(all_bookings) as share
        from booked
        group by as_of_date, query_id, {{ habit }}

    ),

{% endfor %}
last_places as (

    select
        booked.as_of_date,
        booked.query_id,
        places.latitude,
        places.longitude
    from booked
    inner join places
        on booked.as_of_date = places.as_of_date
        and booked.property_id = places.property_id
    where booked.recency = 1

),

affinities as (

    select * from {{ ref('recommendations_affinities') }}

),

countries as (

    select distinct
        as_of_date,
        country,
        country_popularity as popularity
    from affinities

),

totals as (

    select
        as_of_date,
        cast(sum(cast(popularity as decimal(28, 9))) as double) as popularity
    from listings
    group by as_of_date

),

final as (

    select
        queries.as_of_date,
        queries.query_id,
        items.property_id,
        queries.user_id,
        queries.split,
        queries.label_known_date,
        queries.country,
        case
            when queries.split <> 'score' and items.property_id = queries.next_property_id then 1e0
            when queries.split <> 'score' then 0e0
        end as is_next,
        -- popularity where the user books most, then in the country of residence
        cast(
            case
                when items.first_place_rank is not null then 1000 - items.first_place_rank
                when country_popularity.country_rank <= 15 then 100 - country_popularity.country_rank
                else 0
            end as double
        ) as baseline_score,
        cast(floor(20 * {{ hash_fraction(['queries.query_id'], salt=22) }}) as int) as user_group,
        case
            when queries.bookings_ever = 0 then 'never booked'
            when queries.bookings_ever = 1 then '1 booking'
            when queries.bookings_ever <= 4 then '2-4 bookings'
            else '5+ bookings'
        end as activity,
        queries.next_property,

        queries.user_type,
        queries.bookings_ever as user_bookings_ever,
        queries.bookings_365d as user_bookings_365d,
        queries.destinations_ever,
        queries.mean_lead_days,
        queries.weekend_share,
        queries.mean_night_price,
        queries.mean_nights,
        queries.mean_guests,
        queries.largest_party,
        queries.tenure_days,
        queries.days_since_last_trip_booked,

        listings.property_type,
        listings.base_price,
        listings.price_to_market,
        listings.max_guests,
        listings.bedrooms,
        listings.bathrooms,
        listings.host_rating,
        listings.listing_age_days,
        listings.days_since_last_booking,
        listings.bookings_30d,
        listings.bookings_90d,
        listings.bookings_365d,
        listings.bookings_ever,
        listings.popularity,
        cast(listings.destination_rank as double) as destination_rank,
        cast(listings.market_rank as double) as market_rank,

        coalesce(
            country_popularity.country_share,
            20 * listings.popularity / nullif(totals.popularity, 0) / (coalesce(countries.popularity, 0) + 20)
        ) as country_share,
        affinities.affinity as country_affinity,
        cast(coalesce(histories.bookings, 0) as double) as bookings_here,
        cast({{ dbt.datediff('histories.last_booked_date', 'queries.as_of_date', 'day') }} as double) as days_since_booked_here,
        coalesce(histories.bookings, 0) * listings.popularity / nullif(listings.bookings_ever, 0) as expected_returns,
        items.co_booking,
        items.wording,
        coalesce(shares_of_destination_id.share, 0) as destination_share,
        coalesce(shares_of_property_type.share, 0) as type_share,
        coalesce(shares_of_price_band.share, 0) as price_band_share,
        listings.base_price / nullif(queries.mean_night_price, 0) as price_to_habit,
        listings.max_guests / nullif(queries.mean_guests, 0) as capacity_to_party,
        listings.max_guests / nullif(queries.largest_party, 0) as capacity_to_largest_party,
        {{ distance_km('last_places.latitude', 'last_places.longitude', 'places.latitude', 'places.longitude') }}
            as distance_km
    from items
    inner join queries
        on items.as_of_date = queries.as_of_date
        and items.query_id = queries.query_id
    inner join listings
        on items.as_of_date = listings.as_of_date
        and items.property_id = listings.property_id
    inner join places
        on items.as_of_date = places.as_of_date
        and items.property_id = places.property_id
    inner join totals on items.as_of_date = totals.as_of_date
    left join histories
        on items.as_of_date = histories.as_of_date
        and items.query_id = histories.query_id
        and items.property_id = histories.property_id
    left join country_popularity
        on queries.as_of_date = country_popularity.as_of_date
        and queries.country = country_popularity.country
        and items.property_id = country_popularity.property_id
    left join countries
        on queries.as_of_date = countries.as_of_date
        and queries.country = countries.country
    left join affinities
        on queries.as_of_date = affinities.as_of_date
        and queries.country = affinities.country
        and listings.destination_id = affinities.destination_id
    {% for habit in habits %}
        left join shares_of_{{ habit }}
            on items.as_of_date = shares_of_{{ habit }}.as_of_date
            and items.query_id = shares_of_{{ habit }}.query_id
            and listings.{{ habit }} = shares_of_{{ habit }}.{{ habit }}
    {% endfor %}
    left join last_places
        on items.as_of_date = last_places.as_of_date
        and items.query_id = last_places.query_id

)

select * from final
