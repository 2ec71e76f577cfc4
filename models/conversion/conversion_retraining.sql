with splits as (

    select * from {{ ref('conversion_splits') }}

),

engagement as (

    select * from {{ ref('stg_engagement') }}

),

booked as (

    select distinct
        property_id,
        created_date
    from {{ ref('stg_bookings') }}

),

spans as (

    select
        (select min(engagement_date) from engagement) as first_engagement,
        (select max(engagement_date) from engagement) as last_engagement,
        (select min(created_date) from booked) as first_booking,
        (select max(created_date) from booked) as last_booking

),

known as (

    select
        splits.split,
        {{ dbt.datediff('min(splits.first_engagement)', 'min(splits.last_engagement)', 'day') }} + 1 as days,
        count(booked.property_id) as with_booking,
        count(engagement.property_id) - count(booked.property_id) as without_booking
    from splits
    left join engagement
        on engagement.engagement_date >= splits.first_engagement
        and engagement.engagement_date <= splits.last_engagement
    left join booked
        on engagement.property_id = booked.property_id
        and engagement.engagement_date = booked.created_date
    where splits.split <> 'score'
    group by splits.split

),

summary as (

    select
        max(case when split = 'train' then days end) as train_days,
        min(with_booking) as with_booking,
        min(without_booking) as without_booking
    from known

),

learnability as (

    select
        case
            when spans.first_engagement is null then 'gold holds no engagement before the point in time'
            when spans.first_booking is null then 'gold holds no booking before the point in time'
            when spans.first_engagement > spans.last_booking or spans.first_booking > spans.last_engagement
                then
                    'engagement ('
                    || cast(spans.first_engagement as {{ dbt.type_string() }}) || ' to '
                    || cast(spans.last_engagement as {{ dbt.type_string() }})
                    || ') and bookings ('
                    || cast(spans.first_booking as {{ dbt.type_string() }}) || ' to '
                    || cast(spans.last_booking as {{ dbt.type_string() }})
                    || ') do not overlap in time'
            when summary.train_days < 28
                then
                    'too little history: '
                    || cast(greatest(summary.train_days, 0) as {{ dbt.type_string() }})
                    || ' days of engagement are left to train on, 28 are needed'
            when least(summary.with_booking, summary.without_booking) < 50
                then
                    'too few of one class: '
                    || cast(least(summary.with_booking, summary.without_booking) as {{ dbt.type_string() }})
                    || ' days of a property with engagement '
                    || case when summary.with_booking <= summary.without_booking then 'and' else 'but without' end
                    || ' a booking in the smallest of the train, validation and test dates, 50 are needed'
        end as not_learnable
    from spans
    cross join summary

)

{{ decide_retraining(product_conversion(), 'learnability') }}
