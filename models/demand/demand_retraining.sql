with splits as (

    select * from {{ ref('demand_splits') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}

),

known as (

    select
        splits.split,
        {{ dbt.datediff('min(splits.first_check_in)', 'min(splits.last_check_in)', 'day') }} + 1 as days,
        count(bookings.check_in_date) as bookings
    from splits
    left join bookings
        on bookings.check_in_date >= splits.first_check_in
        and bookings.check_in_date <= splits.last_check_in
    where splits.split not in ('score', 'gap')
    group by splits.split

),

learnability as (

    select
        case
            when max(case when split = 'train' then days end) is null
                then 'gold holds no booking before the point in time'
            when max(case when split = 'train' then days end) < 60
                then
                    'too little history: '
                    || cast(greatest(max(case when split = 'train' then days end), 0) as {{ dbt.type_string() }})
                    || ' days of check-ins are left to train on, 60 are needed'
            when min(bookings) < 50
                then
                    'too few bookings: '
                    || cast(min(bookings) as {{ dbt.type_string() }})
                    || ' in the smallest of the train, validation and test dates, 50 are needed'
        end as not_learnable
    from known

)

{{ decide_retraining(product_demand(), 'learnability') }}
