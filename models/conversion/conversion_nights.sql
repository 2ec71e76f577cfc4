{{ config(materialized='ephemeral') }}

{% set taken_windows = [7, 14, 30, 90, 180] %}

with decision as (

    select * from {{ ref('conversion_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

splits as (

    select splits.first_engagement
    from {{ ref('conversion_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

-- nights of the coming days that are taken: each night counts from the morning after its booking was made, or once
-- it lies near enough, until it passes or the morning after its booking was cancelled
numbers as (

    select row_number() over (order by calendar_date) - 1 as number
    from {{ ref('stg_dates') }}

),

nights as (

    select
        bookings.property_id,
        bookings.check_in_date + cast(numbers.number as int) as night,
        bookings.created_date,
        bookings.cancelled_date
    from bookings
    inner join numbers
        on bookings.nights > numbers.number
        and numbers.number < 60
    where
        bookings.created_date < bookings.check_in_date + cast(numbers.number as int)
        -- the days wanted and the year before them
        and bookings.check_in_date + cast(numbers.number as int) >= (select min(first_engagement) - 365 from splits)

),

taken_spans as (

    {% for days in taken_windows %}
        select
            property_id,
            greatest(created_date, night - {{ days }}) + 1 as taken_from,
            least(coalesce(cancelled_date, night), night) + 1 as free_from,
            {{ days }} as days
        from nights
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

taken_changes as (

    select
        property_id,
        taken_from as feature_date,
        days,
        1 as change
    from taken_spans
    where taken_from < free_from
    union all
    select
        property_id,
        free_from as feature_date,
        days,
        -1 as change
    from taken_spans
    where taken_from < free_from

),

taken_days as (

    select
        property_id,
        feature_date,
        {% for days in taken_windows %}
            coalesce(sum(change) filter (where days = {{ days }}), 0) as change_{{ days }}d{{ ',' if not loop.last }}
        {% endfor %}
    from taken_changes
    group by property_id, feature_date

),

final as (

    select
        property_id,
        feature_date,
        {% for days in taken_windows %}
            sum(change_{{ days }}d) over property_days as nights_taken_{{ days }}d{{ ',' if not loop.last }}
        {% endfor %}
    from taken_days
    window
        property_days as (
            partition by property_id
            order by feature_date
            rows between unbounded preceding and current row
        )

)

select * from final
