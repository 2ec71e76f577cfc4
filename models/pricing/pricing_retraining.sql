with splits as (

    select * from {{ ref('pricing_splits') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}

),

price_changes as (

    select known_from
    from (
        select
            known_from,
            base_price,
            lag(base_price) over (partition by property_id order by known_from) as previous_price
        from {{ ref('property_versions') }}
    ) as versions
    where base_price <> previous_price

),

known as (

    select
        splits.split,
        min(splits.first_stay_month) as first_stay_month,
        {{ dbt.datediff('min(splits.first_stay_month)', 'min(splits.last_stay_month)', 'month') }} + 1 as months,
        count(bookings.check_in_date) as bookings
    from splits
    left join bookings
        on bookings.check_in_date >= splits.first_stay_month
        and bookings.check_in_date < {{ months_from('splits.last_stay_month', 1) }}
    where splits.split in ('train', 'test')
    group by splits.split

),

tried as (

    select count(price_changes.known_from) as changes
    from splits
    left join price_changes
        on price_changes.known_from > splits.first_stay_month
        and price_changes.known_from < {{ months_from('splits.last_stay_month', 1) }}
    where splits.split = 'train'

),

facts as (

    select
        max(case when known.split = 'train' then known.first_stay_month end) as first_stay_month,
        max(case when known.split = 'train' then known.months end) as train_months,
        max(case when known.split = 'test' then known.bookings end) as test_bookings,
        max(tried.changes) as changes
    from known
    cross join tried

),

{% set text = dbt.type_string() %}

learnability as (

    select
        case
            when first_stay_month is null then 'gold holds no booking before the point in time'
            when train_months < 12
                then
                    'too little history: ' || cast(greatest(train_months, 0) as {{ text }})
                    || ' stay months are left to train on, 12 are needed'
            when changes < 300
                then
                    'too little price variation: ' || cast(changes as {{ text }})
                    || ' price changes in the training months, 300 are needed'
            when test_bookings < {{ var('pricing_least_bookings') }}
                then
                    'too few bookings to prove a lift: ' || cast(test_bookings as {{ text }})
                    || ' in the test months, {{ var('pricing_least_bookings') }} are needed'
        end as not_learnable
    from facts

)

{{ decide_retraining(product_pricing(), 'learnability') }}
