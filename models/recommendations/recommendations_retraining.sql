{% set label_days = product_recommendations().truth_days %}
{# fewer say nothing at all; whether these prove a version better than its baseline the gate says, by its interval #}
{% set least_users = 20 %}

with splits as (

    select * from {{ ref('recommendations_splits') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}

),

first_bookings as (

    select
        user_id,
        min(created_date) as first_booking_date
    from bookings
    group by user_id

),

-- those whose next booking follows on a history
returned as (

    select distinct
        splits.split,
        splits.snapshot_date,
        bookings.user_id
    from splits
    inner join bookings
        on splits.snapshot_date <= bookings.created_date
        and splits.label_known_date > bookings.created_date
    inner join first_bookings
        on bookings.user_id = first_bookings.user_id
        and splits.snapshot_date > first_bookings.first_booking_date
    where splits.split <> 'score'

),

counted as (

    select
        splits.split,
        count(returned.user_id) as users
    from splits
    left join returned
        on splits.split = returned.split
        and splits.snapshot_date = returned.snapshot_date
    where splits.split <> 'score'
    group by splits.split

),

extent as (

    select
        {{ dbt.datediff('max(first_booking_date)', 'max(as_of_date)', 'day') }} as history_days,
        count(*) filter (where split = 'train') as snapshots
    from splits

),

fewest as (

    select min(users) as users
    from counted

),

learnability as (

    select
        case
            when extent.history_days is null then 'gold holds no booking before the point in time'
            when extent.snapshots = 0
                then
                    'too little history: bookings of '
                    || cast(extent.history_days as {{ dbt.type_string() }})
                    || ' days, {{ 3 * label_days + 122 }} are needed: a quarter of habits, and {{ label_days }} days each to learn from, to'
                    || ' validate and to test on'
            when fewest.users < {{ least_users }}
                then
                    'too few users book again: '
                    || cast(fewest.users as {{ dbt.type_string() }})
                    || ' who booked before do so within {{ label_days }} days in the smallest of the splits, {{ least_users }} are needed,'
                    || ' of whom chance still moves the number by {{ (100 / least_users ** 0.5) | round | int }} %'
        end as not_learnable
    from extent
    cross join fewest

)

{{ decide_retraining(product_recommendations(), 'learnability') }}
