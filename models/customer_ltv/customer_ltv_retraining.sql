with splits as (

    select * from {{ ref('customer_ltv_splits') }}

),

users as (

    select
        user_id,
        min(known_from) as known_from
    from {{ ref('user_versions') }}
    group by user_id

),

bookings as (

    select
        user_id,
        cast(created_at as date) as created_date
    from {{ source('gold', 'fact_booking_detail') }}
    where cast(created_at as date) < (select as_of_date from {{ ref('point_in_time') }})

),

-- users known at the newest snapshot to learn from, and at the test's, who book in the year after it
newest as (

    select
        split,
        max(snapshot_date) as snapshot_date,
        max(label_known_date) as label_known_date
    from splits
    where split <> 'score'
    group by split

),

payers as (

    select
        newest.split,
        count(distinct bookings.user_id) as user_count
    from newest
    inner join bookings
        on newest.snapshot_date <= bookings.created_date
        and newest.label_known_date > bookings.created_date
    inner join users
        on bookings.user_id = users.user_id
        and newest.snapshot_date >= users.known_from
    group by newest.split

),

known as (

    select
        (
            select {{ dbt.datediff('max(first_booking_date)', 'max(as_of_date)', 'day') }}
            from splits
        ) as history_days,
        (select count(*) from splits where split = 'learn') as snapshots,
        coalesce((select max(user_count) from payers where split = 'learn'), 0) as learnt_payers,
        coalesce((select max(user_count) from payers where split = 'test'), 0) as tested_payers

),

learnability as (

    select
        case
            when history_days is null then 'gold holds no booking before the point in time'
            when snapshots = 0
                then
                    'too little history: bookings of '
                    || cast(history_days as {{ dbt.type_string() }})
                    || ' days, 911 are needed: half a year of habits, a year of labels to learn from, a year to test on'
            when least(learnt_payers, tested_payers) < 100
                then
                    'too few users book again: '
                    || cast(least(learnt_payers, tested_payers) as {{ dbt.type_string() }})
                    || ' of those known at a snapshot do in the year after it, 100 are needed'
        end as not_learnable
    from known

)

{{ decide_retraining('customer_ltv_predictor', ref('model_state'), ref('point_in_time'), 'learnability') }}
