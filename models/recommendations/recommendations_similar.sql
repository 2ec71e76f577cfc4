{% set cell = 0.02 %}
{% set nearest = 10 %}

with listings as (

    select * from {{ ref('recommendations_listings') }}

),

-- what a listing says and where it lies stays in here
texts as (

    select * from {{ ref('recommendations_texts') }}

),

places as (

    select
        as_of_date,
        property_id,
        latitude,
        longitude,
        cast(floor(latitude / {{ cell }}e0) as int) as cell_latitude,
        cast(floor(longitude / {{ cell }}e0) as int) as cell_longitude
    from texts

),

-- only what somebody booked of late needs neighbours
seeds as (

    select distinct
        as_of_date,
        property_id
    from {{ ref('recommendations_histories') }}
    where recency <= {{ var('recommendations_recent_properties') }}

),

-- booked by the same guests

snapshots as (

    select distinct as_of_date from listings

),

stays as (

    select
        user_id,
        property_id,
        created_date
    from {{ ref('stg_bookings') }}
    where
        user_id is not null
        and created_date < (select max(as_of_date) from listings)

),

guests as (

    select
        snapshots.as_of_date,
        stays.user_id,
        stays.property_id,
        row_number() over (
            partition by snapshots.as_of_date, stays.user_id order by max(stays.created_date) desc, stays.property_id asc
        ) as recency
    from snapshots
    inner join stays on snapshots.as_of_date > stays.created_date
    group by snapshots.as_of_date, stays.user_id, stays.property_id

),

-- pairs grow with the square of a user's properties: the newest ones tell enough
recent_guests as (

    select
        *,
        count(*) over (partition by as_of_date, property_id) as guests
    from guests
    where recency <= {{ var('recommendations_recent_properties') }}

),

co_booked as (

    select
        one.as_of_date,
        one.property_id,
        other.property_id as similar_id,
        -- of one common guest little can be said
        count(*) / sqrt(cast(one.guests * other.guests as double)) as similarity
    from recent_guests as one
    inner join recent_guests as other
        on one.as_of_date = other.as_of_date
        and one.user_id = other.user_id
        and one.property_id <> other.property_id
    inner join seeds
        on one.as_of_date = seeds.as_of_date
        and one.property_id = seeds.property_id
    group by one.as_of_date, one.property_id, other.property_id, one.guests, other.guests
    having count(*) > 1

),

-- said in the same words: TF-IDF of title and description, cosine

words as (

    select
        as_of_date,
        property_id,
        word,
        count(*) as occurrences
    from (
        select
            as_of_date,
            property_id,
            {{ exploded_words("coalesce(title, '') || ' ' || coalesce(description, '')") }} as word
        from texts
    ) as exploded
    where word <> ''
    group by as_of_date, property_id, word

),

counted_words as (

    select
        *,
        count(*) over (partition by as_of_date, word) as listings_with_word
    from words

),

sizes as (

    select
        as_of_date,
        count(*) as listings
    from listings
    group by as_of_date

),

weighted as (

    select
        counted_words.as_of_date,
        counted_words.property_id,
        counted_words.word,
        counted_words.listings_with_word,
        (1 + ln(cast(counted_words.occurrences as double)))
        * ln(cast(sizes.listings as double) / counted_words.listings_with_word) as weight
    from counted_words
    inner join sizes on counted_words.as_of_date = sizes.as_of_date

),

lengths as (

    select
        as_of_date,
        property_id,
        sqrt(cast(sum(cast(weight * weight as decimal(28, 9))) as double)) as length
    from weighted
    group by as_of_date, property_id

),

-- words that many listings share say little and make most of the pairs; they count in the length
telling as (

    select
        weighted.as_of_date,
        weighted.property_id,
        weighted.word,
        -- ten-thousandths: whole numbers add up to the same in any order
        cast(floor(10000 * weighted.weight / lengths.length) as bigint) as weight
    from weighted
    inner join lengths
        on weighted.as_of_date = lengths.as_of_date
        and weighted.property_id = lengths.property_id
    where
        weighted.listings_with_word between 2 and {{ var('recommendations_word_listings') }}
        and lengths.length > 0

),

worded as (

    select
        one.as_of_date,
        one.property_id,
        other.property_id as similar_id,
        sum(one.weight * other.weight) / 1e8 as similarity
    from telling as one
    inner join seeds
        on one.as_of_date = seeds.as_of_date
        and one.property_id = seeds.property_id
    inner join telling as other
        on one.as_of_date = other.as_of_date
        and one.word = other.word
        and one.property_id <> other.property_id
    group by one.as_of_date, one.property_id, other.property_id

),

-- near: cells of about two kilometres and those around them

steps as (

    select -1 as step
    union all
    select 0 as step
    union all
    select 1 as step

),

around as (

    select
        seeded.as_of_date,
        seeded.property_id,
        seeded.latitude,
        seeded.longitude,
        seeded.cell_latitude + north.step as cell_latitude,
        seeded.cell_longitude + east.step as cell_longitude
    from places as seeded
    inner join seeds
        on seeded.as_of_date = seeds.as_of_date
        and seeded.property_id = seeds.property_id
    cross join steps as north
    cross join steps as east

),

near as (

    select
        around.as_of_date,
        around.property_id,
        places.property_id as similar_id,
        -{{ distance_km('around.latitude', 'around.longitude', 'places.latitude', 'places.longitude') }} as similarity
    from around
    inner join places
        on around.as_of_date = places.as_of_date
        and around.cell_latitude = places.cell_latitude
        and around.cell_longitude = places.cell_longitude
        and around.property_id <> places.property_id

),

unioned as (

    {% for source in ['co_booked', 'worded', 'near'] %}
        select
            *,
            '{{ source }}' as source
        from {{ source }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

ranked as (

    select
        unioned.*,
        row_number() over (
            partition by unioned.as_of_date, unioned.source, unioned.property_id
            order by unioned.similarity desc, listings.popularity desc, unioned.similar_id asc
        ) as place
    from unioned
    inner join listings
        on unioned.as_of_date = listings.as_of_date
        and unioned.similar_id = listings.property_id
    where listings.is_on_offer

),

final as (

    select
        as_of_date,
        property_id,
        similar_id,
        source,
        place,
        similarity
    from ranked
    where place <= {{ nearest }}

)

select * from final
