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

-- the days wanted and the year before them; gold's conversion_rate of the day stays out: it may hold the day's bookings
engagement as (

    select
        property_id,
        engagement_date,
        {{ day_number('engagement_date') }} as day_number,
        coalesce(views, 0) as views,
        coalesce(unique_viewers, 0) as unique_viewers,
        coalesce(clicks, 0) as clicks,
        coalesce(searches, 0) as searches,
        seconds_per_view as time_on_page
    from {{ ref('stg_engagement') }}
    where
        engagement_date < (select as_of_date from clock)
        and engagement_date >= (select min(first_engagement) - 365 from splits)

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

booked as (

    select
        property_id,
        created_date,
        count(*) as bookings
    from bookings
    group by property_id, created_date

),

nights as (

    select * from {{ ref('conversion_nights') }}

),

engagement_nights as (

    {{ as_of_join('engagement', 'nights', ['property_id'], 'engagement_date', 'feature_date', [
        'nights_taken_7d', 'nights_taken_14d', 'nights_taken_30d', 'nights_taken_90d', 'nights_taken_180d'
    ]) }}

),

daily as (

    select
        engagement_nights.property_id,
        engagement_nights.engagement_date,
        engagement_nights.day_number,
        engagement_nights.views,
        engagement_nights.unique_viewers,
        engagement_nights.clicks,
        engagement_nights.searches,
        engagement_nights.time_on_page,
        coalesce(booked.bookings, 0) as bookings,
        {% for days in taken_windows %}
            coalesce(engagement_nights.nights_taken_{{ days }}d, 0) as nights_taken_{{ days }}d{{ ',' if not loop.last }}
        {% endfor %}
    from engagement_nights
    left join booked
        on engagement_nights.property_id = booked.property_id
        and engagement_nights.engagement_date = booked.created_date

),

-- what attention led to, over the days with engagement of the year before the day
property_history as (

    select
        *,
        coalesce(sum(views) over trailing_year, 0) as views_365d,
        coalesce(sum(clicks) over trailing_year, 0) as clicks_365d,
        coalesce(sum(bookings) over trailing_year, 0) as converted_365d,
        {% for days in taken_windows %}
            -- where several stays share a night more may be taken than there are
            cast(sum(greatest({{ days }} - nights_taken_{{ days }}d, 0)) over trailing_year as double)
            / nullif(count(*) over trailing_year, 0) as usual_free_nights_{{ days }}d{{ ',' if not loop.last }}
        {% endfor %}
    from daily
    window
        trailing_year as (
            partition by property_id
            order by day_number
            range between 365 preceding and 1 preceding
        )

),

locations as (

    select
        property_id,
        destination_id,
        known_from,
        coalesce(lead(known_from) over (partition by property_id order by known_from), ended_date + 1) as known_until
    from {{ ref('property_versions') }}

),

final as (

    select
        property_history.*,
        locations.destination_id
    from property_history
    inner join locations
        on property_history.property_id = locations.property_id
        and property_history.engagement_date >= locations.known_from
        and (locations.known_until is null or locations.known_until > property_history.engagement_date)
    where locations.destination_id is not null

)

select * from final
