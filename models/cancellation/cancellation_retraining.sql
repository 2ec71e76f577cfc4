with splits as (

    select * from {{ ref('cancellation_splits') }}

),

bookings as (

    select
        check_in_date,
        coalesce(cancelled_date <= check_in_date, false) as is_cancelled
    from {{ ref('stg_bookings') }}
    where check_in_date >= created_date

),

known as (

    select
        splits.split,
        {{ dbt.datediff('min(splits.first_check_in)', 'min(splits.last_check_in)', 'day') }} + 1 as days,
        count(*) filter (where bookings.is_cancelled) as cancelled,
        count(*) filter (where not bookings.is_cancelled) as kept
    from splits
    left join bookings
        on bookings.check_in_date >= splits.first_check_in
        and bookings.check_in_date <= splits.last_check_in
    where splits.split <> 'score'
    group by splits.split

),

summary as (

    select
        max(case when split = 'train' then days end) as train_days,
        min(cancelled) as cancelled,
        min(kept) as kept
    from known

),

learnability as (

    select
        case
            when train_days is null then 'gold holds no booking before the point in time'
            when train_days < 180
                then
                    'too little history: arrivals of '
                    || cast(greatest(train_days, 0) as {{ dbt.type_string() }})
                    || ' days are left to train on, 180 are needed'
            when least(cancelled, kept) < 50
                then
                    'too few of one class: '
                    || cast(least(cancelled, kept) as {{ dbt.type_string() }})
                    || case when cancelled <= kept then ' cancelled' else ' kept' end
                    || ' bookings in the smallest of the train, validation and test arrivals, 50 are needed'
        end as not_learnable
    from summary

)

{{ decide_retraining(product_cancellation(), 'learnability') }}
