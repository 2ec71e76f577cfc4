{% set label_days = product_customer_ltv().truth_days %}
{% set history_days = 180 %}

-- Snapshots of each split. The window of the test's labels ends at the point in time; every label of training and
-- validation, which share their snapshots and divide the users, is known before the test's snapshot. Of the snapshots
-- between these and the test's, the gap, only the refit learns: as far from the users to score as the first fit is from
-- those of the test.
with clock as (

    select * from {{ ref('point_in_time') }}

),

history as (

    select min(created_date) as first_booking_date
    from {{ ref('stg_bookings') }}

),

numbers as (

    select row_number() over (order by calendar_date) - 1 as number
    from {{ ref('stg_dates') }}

),

stepped as (

    select
        clock.as_of_date,
        'learn' as split,
        clock.as_of_date - {{ 2 * label_days + 1 }} - cast(30 * numbers.number as int) as snapshot_date
    from clock
    inner join numbers on numbers.number < {{ var('customer_ltv_snapshots') }}
    union all
    select
        clock.as_of_date,
        'gap' as split,
        clock.as_of_date - {{ label_days }} - cast(30 * numbers.number as int) as snapshot_date
    from clock
    inner join numbers on numbers.number between 1 and {{ label_days // 30 }}

),

learnt as (

    select stepped.*
    from stepped
    cross join history
    -- habits have to be seen before they can be learnt from
    where stepped.snapshot_date >= history.first_booking_date + {{ history_days }}

),

unioned as (

    select * from learnt
    union all
    select
        as_of_date,
        'test' as split,
        as_of_date - {{ label_days }} as snapshot_date
    from clock
    union all
    -- the weeks before, whose rows look as those to score do: what drift is measured against
    select
        clock.as_of_date,
        'reference' as split,
        clock.as_of_date - cast(7 * numbers.number as int) as snapshot_date
    from clock
    inner join numbers on numbers.number between 1 and 4
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

)

select * from final
