-- where nothing is to be scored, no fact is read
with clock as (

    select as_of_date
    from {{ ref('recommendations_retraining') }}
    where score_due

),

splits as (

    {{ due_splits(
        'recommendations', var('recommendations_training_queries'), var('recommendations_evaluation_queries')
    ) }}

),

snapshots as (

    select
        split,
        snapshot_date as as_of_date,
        label_known_date,
        row_limit as query_limit
    from splits

),

users as (

    {{ known_users() }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where
        user_id is not null
        and created_date < (select as_of_date from clock)

),

following as (

    select
        snapshots.split,
        snapshots.as_of_date,
        bookings.user_id,
        bookings.property_id as next_property_id,
        row_number() over (
            partition by snapshots.as_of_date, bookings.user_id
            order by bookings.created_at, bookings.booking_id
        ) as place
    from snapshots
    inner join bookings
        on snapshots.as_of_date <= bookings.created_date
        and snapshots.label_known_date > bookings.created_date
    where snapshots.split <> 'score'

),

-- who books next teaches and tests; everybody known is recommended something
asked as (

    select
        snapshots.*,
        following.user_id,
        following.next_property_id,
        count(*) over (partition by snapshots.split) as query_rows
    from snapshots
    inner join following
        on snapshots.as_of_date = following.as_of_date
        and following.place = 1
    inner join users
        on following.user_id = users.user_id
        and snapshots.as_of_date >= users.known_from
        and snapshots.as_of_date <= users.known_until
    union all
    select
        snapshots.*,
        users.user_id,
        cast(null as bigint) as next_property_id,
        0 as query_rows
    from snapshots
    inner join users
        on snapshots.as_of_date >= users.known_from
        and snapshots.as_of_date <= users.known_until
    where snapshots.split = 'score'

),

spine as (

    select *
    from asked
    where {{ is_sampled(['user_id', day_number('as_of_date')], salt=21, most='query_limit', rows='query_rows') }}

),

featured as (

    {{ as_of_join('spine', ref('user_features'), ['user_id'], 'as_of_date', 'feature_date', [
        'country', 'user_type', 'signed_up_date', 'last_booking_date', 'bookings_365d', 'bookings_ever',
        'destinations_ever', 'mean_lead_days', 'weekend_share',
    ], wanted='spine') }}

),

habits as (

    select
        spine.as_of_date,
        spine.user_id,
        cast(sum(bookings.amount) as double) / nullif(sum(bookings.nights), 0) as mean_night_price,
        cast(sum(bookings.nights) as double) / count(*) as mean_nights,
        cast(sum(bookings.guests) as double) / count(*) as mean_guests,
        cast(max(bookings.guests) as double) as largest_party
    from spine
    inner join bookings
        on spine.user_id = bookings.user_id
        and spine.as_of_date > bookings.created_date
    group by spine.as_of_date, spine.user_id

),

-- of a property that the user knows, and of one that is left out as it was booked just before
returned as (

    select
        spine.as_of_date,
        spine.user_id,
        max(bookings.created_date) as last_booked_date
    from spine
    inner join bookings
        on spine.user_id = bookings.user_id
        and spine.next_property_id = bookings.property_id
        and spine.as_of_date > bookings.created_date
    group by spine.as_of_date, spine.user_id

),

of_users as (

    select
        featured.split,
        featured.as_of_date,
        featured.label_known_date,
        featured.user_id as query_id,
        featured.user_id,
        coalesce(featured.country, 'unknown') as country,
        featured.user_type,
        featured.next_property_id,
        case
            when featured.split = 'score' then null
            when returned.last_booked_date is null then 'not booked before'
            when returned.last_booked_date >= featured.as_of_date - {{ var('recommendations_pause_days') }} then 'booked of late'
            else 'booked before'
        end as next_property,
        featured.bookings_ever,
        featured.bookings_365d,
        featured.destinations_ever,
        featured.mean_lead_days,
        featured.weekend_share,
        habits.mean_night_price,
        habits.mean_nights,
        habits.mean_guests,
        habits.largest_party,
        cast({{ dbt.datediff('featured.signed_up_date', 'featured.as_of_date', 'day') }} as double) as tenure_days,
        cast({{ dbt.datediff('featured.last_booking_date', 'featured.as_of_date', 'day') }} as double)
            as days_since_last_trip_booked
    from featured
    left join habits
        on featured.as_of_date = habits.as_of_date
        and featured.user_id = habits.user_id
    left join returned
        on featured.as_of_date = returned.as_of_date
        and featured.user_id = returned.user_id

),

-- the new users of a country are recommended the same: one query for all of them
of_countries as (

    select
        split,
        as_of_date,
        label_known_date,
        -row_number() over (order by country) as query_id,
        cast(null as bigint) as user_id,
        country,
        cast(null as {{ dbt.type_string() }}) as user_type,
        cast(null as bigint) as next_property_id,
        cast(null as {{ dbt.type_string() }}) as next_property,
        cast(0 as double) as bookings_ever,
        cast(0 as double) as bookings_365d,
        cast(0 as double) as destinations_ever,
        cast(null as double) as mean_lead_days,
        cast(null as double) as weekend_share,
        cast(null as double) as mean_night_price,
        cast(null as double) as mean_nights,
        cast(null as double) as mean_guests,
        cast(null as double) as largest_party,
        cast(null as double) as tenure_days,
        cast(null as double) as days_since_last_trip_booked
    from (
        select distinct
            split,
            as_of_date,
            label_known_date,
            country
        from of_users
        where split = 'score' and bookings_ever = 0
    ) as countries

),

final as (

    select *
    from of_users
    where split <> 'score' or bookings_ever > 0
    union all
    select * from of_countries

)

select * from final
