{% set label_days = product_recommendations().truth_days %}
{% set step = 30 %}
{% set tests = 2 %}
{% set history_days = 90 %}

-- Snapshots of each split, a month apart; every label of a split is known a day before the next begins.
{% set validation = 2 * label_days + (tests - 1) * step + 1 %}
{% set newest_training = validation + label_days + 1 %}
with clock as (

    select * from {{ ref('point_in_time') }}

),

history as (

    select min(created_date) as first_booking_date
    from {{ ref('stg_bookings') }}

),

numbers as (

    select cast(row_number() over (order by calendar_date) - 1 as int) as number
    from {{ ref('stg_dates') }}

),

unioned as (

    select
        clock.as_of_date,
        'train' as split,
        clock.as_of_date - {{ newest_training }} - {{ step }} * numbers.number as snapshot_date
    from clock
    inner join numbers on numbers.number < {{ var('recommendations_snapshots') }}
    union all
    select
        as_of_date,
        'validation' as split,
        as_of_date - {{ validation }} as snapshot_date
    from clock
    union all
    select
        clock.as_of_date,
        'test' as split,
        clock.as_of_date - {{ label_days }} - {{ step }} * numbers.number as snapshot_date
    from clock
    inner join numbers on numbers.number < {{ tests }}
    union all
    select
        as_of_date,
        'score' as split,
        as_of_date as snapshot_date
    from clock

),

final as (

    select
        unioned.as_of_date,
        unioned.split,
        unioned.snapshot_date,
        unioned.snapshot_date + {{ label_days }} as label_known_date,
        history.first_booking_date
    from unioned
    cross join history
    -- habits have to be seen before they can be learnt from
    where unioned.split <> 'train' or unioned.snapshot_date >= history.first_booking_date + {{ history_days }}

)

select * from final
