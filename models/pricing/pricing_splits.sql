{% set months = pricing_months() %}
{% set test_months = 4 %}

-- Stay months of each split. A month's label is known when it has ended, and a month is predicted from snapshots that lie
-- up to {{ months }} months before it: as many months and one more lie between two splits. Of these months, the gap, only the refit learns.
with clock as (

    select * from {{ ref('point_in_time') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}

),

history as (

    select min(created_date) as first_booking_date
    from bookings

),

dated as (

    select
        clock.as_of_date,
        history.first_booking_date,
        cast({{ dbt.date_trunc('month', 'clock.as_of_date') }} as date) as this_month,
        -- the first month that begins on or after the point in time, and the one in which gold begins
        cast({{ dbt.date_trunc('month', 'clock.as_of_date - 1') }} as date) as month_before_score,
        cast({{ dbt.date_trunc('month', 'history.first_booking_date') }} as date) as first_month
    from clock
    cross join history

),


final as (

    -- the first two months only fill the windows of the features
    select
        as_of_date,
        'train' as split,
        {{ months_from('first_month', 2) }} as first_stay_month,
        {{ months_from('this_month', -(test_months + 2 * (months + 1))) }} as last_stay_month
    from dated
    union all
    select
        as_of_date,
        'gap' as split,
        {{ months_from('this_month', 1 - (test_months + 2 * (months + 1))) }} as first_stay_month,
        {{ months_from('this_month', -(test_months + months + 2)) }} as last_stay_month
    from dated
    union all
    select
        as_of_date,
        'validation' as split,
        {{ months_from('this_month', -(test_months + months + 1)) }} as first_stay_month,
        {{ months_from('this_month', -(test_months + months + 1)) }} as last_stay_month
    from dated
    union all
    select
        as_of_date,
        'gap' as split,
        {{ months_from('this_month', -(test_months + months)) }} as first_stay_month,
        {{ months_from('this_month', -(test_months + 1)) }} as last_stay_month
    from dated
    union all
    select
        as_of_date,
        'test' as split,
        {{ months_from('this_month', -test_months) }} as first_stay_month,
        {{ months_from('this_month', -1) }} as last_stay_month
    from dated
    union all
    select
        as_of_date,
        'score' as split,
        {{ months_from('month_before_score', 1) }} as first_stay_month,
        {{ months_from('month_before_score', months) }} as last_stay_month
    from dated

)

select * from final
