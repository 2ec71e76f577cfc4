{% set evaluation_days = 28 %}

-- Days of engagement of each split. A day's label is known on the morning after it, so a gap of one day is as long
-- as the label's window.
with clock as (

    select * from {{ ref('point_in_time') }}

),

engagement as (

    select * from {{ ref('stg_engagement') }}

),

history as (

    select min(engagement_date) as first_engagement_date
    from engagement

),

tested as (

    select
        clock.as_of_date,
        history.first_engagement_date,
        clock.as_of_date - {{ evaluation_days + 1 }} as test_first,
        clock.as_of_date - 2 as test_last
    from clock
    cross join history

),

validated as (

    select
        *,
        test_first - {{ evaluation_days + 1 }} as validation_first,
        test_first - 2 as validation_last
    from tested

),

trained as (

    select
        *,
        -- the first month only fills the windows of the features
        first_engagement_date + 30 as train_first,
        validation_first - 2 as train_last
    from validated

),

final as (

    select
        as_of_date,
        'train' as split,
        train_first as first_engagement,
        train_last as last_engagement
    from trained
    union all
    select
        as_of_date,
        'validation' as split,
        validation_first as first_engagement,
        validation_last as last_engagement
    from trained
    union all
    select
        as_of_date,
        'test' as split,
        test_first as first_engagement,
        test_last as last_engagement
    from trained
    union all
    select
        as_of_date,
        'score' as split,
        as_of_date - 1 as first_engagement,
        as_of_date - 1 as last_engagement
    from trained

)

select * from final
