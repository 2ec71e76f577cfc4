{% set active_days = 365 %}

with splits as (

    select * from {{ ref('churn_splits') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}

),

users as (

    select
        user_id,
        min(known_from) as known_from
    from {{ ref('user_versions') }}
    group by user_id

),

-- users active at the newest snapshot of each split, and who of them books again
newest as (

    select
        split,
        max(snapshot_date) as snapshot_date,
        max(label_known_date) as label_known_date
    from splits
    where split not in ('score', 'gap', 'reference')
    group by split

),

booked as (

    select
        newest.split,
        bookings.user_id,
        count(*) filter (
            where
            bookings.created_date < newest.snapshot_date
            and (bookings.cancelled_date is null or bookings.cancelled_date >= newest.snapshot_date)
        ) as kept_bookings,
        count(*) filter (where bookings.created_date >= newest.snapshot_date) as later_bookings
    from newest
    inner join bookings
        on newest.snapshot_date <= bookings.created_date + {{ active_days }}
        and newest.label_known_date > bookings.created_date
    inner join users
        on bookings.user_id = users.user_id
        and newest.snapshot_date >= users.known_from
    group by newest.split, bookings.user_id

),

counted as (

    select
        newest.split,
        count(booked.user_id) filter (where booked.later_bookings = 0) as lapsed,
        count(booked.user_id) filter (where booked.later_bookings > 0) as returned
    from newest
    left join booked
        on newest.split = booked.split
        and booked.kept_bookings > 0
    group by newest.split

),

fewest as (

    select
        min(lapsed) as lapsed,
        min(returned) as returned
    from counted

),

extent as (

    select
        {{ dbt.datediff('max(first_booking_date)', 'max(as_of_date)', 'day') }} as history_days,
        count(*) filter (where split = 'train') as snapshots
    from splits

),

learnability as (

    select
        case
            when extent.history_days is null then 'gold holds no booking before the point in time'
            when extent.snapshots = 0
                then
                    'too little history: bookings of '
                    || cast(extent.history_days as {{ dbt.type_string() }})
                    || ' days, 840 are needed: half a year of habits, and half a year each of labels to learn from, to '
                    || 'choose on and to test on, with their snapshots'
            when least(fewest.lapsed, fewest.returned) < 100
                then
                    'too few of one class: '
                    || cast(least(fewest.lapsed, fewest.returned) as {{ dbt.type_string() }})
                    || ' of the users active at a snapshot '
                    || case when fewest.returned <= fewest.lapsed then 'book' else 'do not book' end
                    || ' in the half year after it, in the smallest of the train, validation and test dates, 100 are needed'
        end as not_learnable
    from extent
    cross join fewest

)

{{ decide_retraining(product_churn(), 'learnability') }}
