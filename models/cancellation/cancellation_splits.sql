{% set test_days = 120 %}
{% set validation_days = 60 %}

-- Arrivals of each split. Whoever arrives on a day has either cancelled by then or not, so that whole days of arrivals
-- are decided, long and short lead times alike. Days on which bookings were made are not: of the young ones only those
-- cancelled early, and short lead times, would be decided. The outcome is known on the morning after the arrival, which
-- a day without arrivals between two splits waits for.
with clock as (

    select * from {{ ref('point_in_time') }}

),

history as (

    select min(check_in_date) as first_check_in
    from {{ ref('stg_bookings') }}
    where check_in_date >= created_date

),

tested as (

    select
        clock.as_of_date,
        history.first_check_in,
        clock.as_of_date - {{ test_days }} as test_first
    from clock
    cross join history

),

validated as (

    select
        *,
        test_first - {{ validation_days + 1 }} as validation_first
    from tested

),

final as (

    select
        as_of_date,
        'train' as split,
        first_check_in,
        validation_first - 2 as last_check_in
    from validated
    union all
    select
        as_of_date,
        'validation' as split,
        validation_first as first_check_in,
        test_first - 2 as last_check_in
    from validated
    union all
    select
        as_of_date,
        'test' as split,
        test_first as first_check_in,
        as_of_date - 1 as last_check_in
    from validated
    union all
    select
        as_of_date,
        'score' as split,
        as_of_date as first_check_in,
        cast('9999-12-31' as date) as last_check_in
    from validated

)

select * from final
