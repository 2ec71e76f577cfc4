{% set horizon = demand_horizon() %}
{% set evaluation_days = 28 %}

-- Check-in dates of each split, and of the gaps between them, from which only the refit learns. A split's last label is known before the first snapshot of the next:
-- a check-in date c is known from c + 1 on and is predicted from snapshots c - horizon to c - 1.
with clock as (

    select * from {{ ref('point_in_time') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}

),

history as (

    select min(check_in_date) as first_check_in_date
    from bookings

),

tested as (

    select
        clock.as_of_date,
        history.first_check_in_date,
        clock.as_of_date - {{ evaluation_days }} as test_first,
        clock.as_of_date - 1 as test_last
    from clock
    cross join history

),

validated as (

    select
        *,
        test_first - {{ horizon + 1 + evaluation_days }} as validation_first,
        test_first - {{ horizon + 2 }} as validation_last
    from tested

),

trained as (

    select
        *,
        -- the first month only fills the windows of the features
        first_check_in_date + 30 as train_first,
        validation_first - {{ horizon + 2 }} as train_last
    from validated

),

final as (

    select
        as_of_date,
        'train' as split,
        train_first as first_check_in,
        train_last as last_check_in
    from trained
    union all
    select
        as_of_date,
        'gap' as split,
        train_last + 1 as first_check_in,
        validation_first - 1 as last_check_in
    from trained
    union all
    select
        as_of_date,
        'validation' as split,
        validation_first as first_check_in,
        validation_last as last_check_in
    from trained
    union all
    select
        as_of_date,
        'gap' as split,
        validation_last + 1 as first_check_in,
        test_first - 1 as last_check_in
    from trained
    union all
    select
        as_of_date,
        'test' as split,
        test_first as first_check_in,
        test_last as last_check_in
    from trained
    union all
    select
        as_of_date,
        'score' as split,
        as_of_date + 1 as first_check_in,
        as_of_date + {{ horizon }} as last_check_in
    from trained

)

select * from final
