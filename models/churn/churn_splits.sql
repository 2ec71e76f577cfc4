{% set label_days = 180 %}
{% set history_days = 180 %}
{% set step_days = 30 %}
{% set evaluation_snapshots = 2 %}
{# steps from the oldest snapshot of a split back to the newest one before it whose labels are known by then #}
{% set gap = label_days // step_days + 1 %}
{% set test_first = label_days // step_days %}
{% set test_last = test_first + evaluation_snapshots - 1 %}
{% set validation_first = test_last + gap %}
{% set validation_last = validation_first + evaluation_snapshots - 1 %}
{% set train_first = validation_last + gap %}

-- Snapshots of each split, a step of {{ step_days }} days apart, counted back from the point in time. The newest label
-- of the test is known on that day, and every label of a split before the first snapshot of the next. Of the snapshots between two splits, the gap, only the
-- refit learns.
with clock as (

    select * from {{ ref('point_in_time') }}

),

history as (

    select min(created_date) as first_booking_date
    from {{ ref('stg_bookings') }}

),

steps as (

    select cast(row_number() over (order by calendar_date) - 1 as int) as step
    from {{ ref('stg_dates') }}

),

dated as (

    select
        clock.as_of_date,
        history.first_booking_date,
        clock.as_of_date - {{ step_days }} * steps.step as snapshot_date,
        case
            when steps.step = 0 then 'score'
            when steps.step between {{ test_first }} and {{ test_last }} then 'test'
            when steps.step between {{ validation_first }} and {{ validation_last }} then 'validation'
            when steps.step between {{ test_first }} and {{ train_first - 1 }} then 'gap'
            when steps.step between {{ train_first }} and {{ train_first - 1 }} + {{ var('churn_snapshots') }} then 'train'
        end as split
    from clock
    cross join history
    cross join steps
    where steps.step <= {{ train_first }} + {{ var('churn_snapshots') }}

),

final as (

    select
        as_of_date,
        split,
        snapshot_date,
        snapshot_date + {{ label_days }} as label_known_date,
        first_booking_date
    from dated
    where
        split is not null
        -- habits have to be seen before they can be learnt from
        and (split not in ('train', 'gap') or snapshot_date >= first_booking_date + {{ history_days }})
    union all
    -- the weeks before, whose rows look as those to score do: what drift is measured against
    select
        clock.as_of_date,
        'reference' as split,
        clock.as_of_date - cast(7 * steps.step as int) as snapshot_date,
        clock.as_of_date - cast(7 * steps.step as int) + {{ label_days }} as label_known_date,
        history.first_booking_date
    from clock
    cross join history
    cross join steps
    where steps.step between 1 and 4

)

select * from final
