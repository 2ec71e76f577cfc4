{% set prior_views = 20 %}
{% set prior_clicks = 10 %}
{% set taken_windows = [14, 30, 90] %}

with decision as (

    select * from {{ ref('conversion_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

-- training and evaluation rows only when a fit is due
splits as (

    select
        splits.split,
        splits.first_engagement,
        splits.last_engagement,
        case splits.split
            when 'score' then null
            when 'train' then {{ var('conversion_training_rows') }}
            else {{ var('conversion_evaluation_rows') }}
        end as row_limit
    from {{ ref('conversion_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

),

destinations as (

    select * from {{ ref('stg_destinations') }}

),

calendar_features as (

    select * from {{ ref('calendar_features') }}

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

daily as (

    select
        engagement.*,
        coalesce(booked.bookings, 0) as bookings
    from engagement
    left join booked
        on engagement.property_id = booked.property_id
        and engagement.engagement_date = booked.created_date

),

-- what attention led to, over the days with engagement of the year before the day
property_history as (

    select
        *,
        coalesce(sum(views) over trailing_year, 0) as views_365d,
        coalesce(sum(clicks) over trailing_year, 0) as clicks_365d,
        coalesce(sum(bookings) over trailing_year, 0) as converted_365d
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
        lead(known_from) over (partition by property_id order by known_from) as known_until
    from {{ ref('property_versions') }}

),

located as (

    select
        property_history.*,
        locations.destination_id
    from property_history
    inner join locations
        on property_history.property_id = locations.property_id
        and property_history.engagement_date >= locations.known_from
        and (locations.known_until is null or locations.known_until > property_history.engagement_date)
    where locations.destination_id is not null

),

destination_days as (

    select
        destination_id,
        day_number,
        sum(views) as views,
        sum(clicks) as clicks,
        sum(bookings) as bookings
    from located
    group by destination_id, day_number

),

destination_history as (

    select
        destination_id,
        day_number,
        coalesce(sum(views) over trailing_year, 0) as destination_views_365d,
        coalesce(sum(clicks) over trailing_year, 0) as destination_clicks_365d,
        coalesce(sum(bookings) over trailing_year, 0) as destination_converted_365d
    from destination_days
    window
        trailing_year as (
            partition by destination_id
            order by day_number
            range between 365 preceding and 1 preceding
        )

),

split_sizes as (

    select
        splits.split,
        count(*) as eligible_rows
    from splits
    inner join engagement
        on engagement.engagement_date >= splits.first_engagement
        and engagement.engagement_date <= splits.last_engagement
    group by splits.split

),

-- rows are drawn whatever their label, or the probabilities would not be those of the platform
spine as (

    select
        located.*,
        splits.split
    from located
    inner join splits
        on located.engagement_date >= splits.first_engagement
        and located.engagement_date <= splits.last_engagement
    inner join split_sizes on splits.split = split_sizes.split
    where {{ is_sampled(
        ['located.property_id', 'located.day_number'], salt=3, most='splits.row_limit', rows='split_sizes.eligible_rows'
    ) }}

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
        and bookings.check_in_date + cast(numbers.number as int) >= (select min(first_engagement) from splits)

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

taken as (

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

),

spine_taken as (

    {{ as_of_join('spine', 'taken', ['property_id'], 'engagement_date', 'feature_date', [
        'nights_taken_14d', 'nights_taken_30d', 'nights_taken_90d'
    ]) }}

),

spine_properties as (

    {{ as_of_join('spine_taken', ref('property_features'), ['property_id'], 'engagement_date', 'feature_date', [
        'property_type', 'base_price', 'max_guests', 'bedrooms', 'bathrooms', 'price_to_market', 'host_rating',
        'host_property_count', 'bookings_7d', 'bookings_30d', 'bookings_90d', 'bookings_365d', 'check_ins_30d',
        'nights_30d', 'nights_365d', 'cancellations_365d', 'average_booking_value_365d', 'view_to_booking_rate_30d',
        'listed_date', 'last_booking_date',
    ], wanted='spine') }}

),

spine_engagement as (

    {{ as_of_join('spine_properties', ref('engagement_features'), ['property_id'], 'engagement_date', 'feature_date', [
        'views_7d', 'views_30d', 'unique_viewers_7d', 'unique_viewers_30d', 'clicks_7d', 'clicks_30d', 'searches_7d',
        'searches_30d', 'click_rate_30d', 'time_on_page_30d',
    ], wanted='spine') }}

),

spine_destinations as (

    {{ as_of_join('spine_engagement', ref('destination_features'), ['destination_id'], 'engagement_date', 'feature_date', [
        'destination_bookings_7d', 'destination_bookings_30d', 'destination_bookings_365d',
        'destination_listing_count',
    ], wanted='spine') }}

),

joined as (

    select
        spine_destinations.*,
        calendar_features.weekday,
        calendar_features.month,
        calendar_features.day_of_year,
        calendar_features.is_holiday,
        calendar_features.days_to_next_holiday,
        calendar_features.days_since_last_holiday,
        -- half a booking keeps the rate of a destination without history above zero
        (destination_history.destination_converted_365d + 0.5e0)
        / (destination_history.destination_views_365d + 50) as destination_booking_per_view,
        (destination_history.destination_converted_365d + 0.5e0)
        / (destination_history.destination_clicks_365d + 10) as destination_booking_per_click
    from spine_destinations
    inner join destination_history
        on spine_destinations.destination_id = destination_history.destination_id
        and spine_destinations.day_number = destination_history.day_number
    left join destinations on spine_destinations.destination_id = destinations.destination_id
    left join calendar_features
        on destinations.country = calendar_features.country
        and spine_destinations.engagement_date = calendar_features.calendar_date

),

-- beta-binomial: a prior of {{ prior_views }} views ({{ prior_clicks }} clicks) at the destination's rate
rated as (

    select
        *,
        least(
            (converted_365d + {{ prior_views }} * destination_booking_per_view) / (views_365d + {{ prior_views }}), 0.99e0
        ) as booking_per_view,
        least(
            (converted_365d + {{ prior_clicks }} * destination_booking_per_click)
            / (clicks_365d + {{ prior_clicks }}), 0.99e0
        ) as booking_per_click
    from joined

),

final as (

    select
        property_id,
        engagement_date,
        engagement_date + 1 as as_of_date,
        split,
        engagement_date + 1 as label_known_date,
        destination_id,
        case when split <> 'score' then cast(case when bookings > 0 then 1 else 0 end as double) end as converted,

        -- at least one booking from so many independent views
        greatest(1 - power(1 - booking_per_view, views), 0.001e0) as baseline_probability,
        greatest(1 - power(1 - booking_per_click, clicks), 0.001e0) as click_probability,

        cast(views as double) as views,
        cast(unique_viewers as double) as unique_viewers,
        cast(clicks as double) as clicks,
        cast(searches as double) as searches,
        cast(time_on_page as double) as time_on_page,
        cast(clicks as double) / nullif(views, 0) as click_rate,
        cast(views as double) / nullif(searches, 0) as view_rate,
        30 * cast(views as double) / nullif(views_30d, 0) as views_to_usual,
        30 * cast(clicks as double) / nullif(clicks_30d, 0) as clicks_to_usual,
        views_7d,
        views_30d,
        unique_viewers_7d,
        unique_viewers_30d,
        clicks_7d,
        clicks_30d,
        searches_7d,
        searches_30d,
        click_rate_30d,
        time_on_page_30d,
        cast(views_365d as double) as views_365d,
        cast(clicks_365d as double) as clicks_365d,
        cast(converted_365d as double) as converted_365d,
        booking_per_view,
        booking_per_click,

        property_type,
        base_price,
        max_guests,
        bedrooms,
        bathrooms,
        price_to_market,
        cast({{ dbt.datediff('listed_date', 'engagement_date', 'day') }} as double) as listing_age_days,
        cast({{ dbt.datediff('last_booking_date', 'engagement_date', 'day') }} as double) as days_since_last_booking,
        bookings_7d,
        bookings_30d,
        bookings_90d,
        bookings_365d,
        check_ins_30d,
        nights_30d,
        nights_365d,
        cancellations_365d,
        average_booking_value_365d,
        view_to_booking_rate_30d,
        host_rating,
        host_property_count,
        {% for days in taken_windows %}
            cast(coalesce(nights_taken_{{ days }}d, 0) as double) as nights_taken_{{ days }}d,
        {% endfor %}

        30e0 / 7 * destination_bookings_7d / nullif(destination_bookings_30d, 0) as destination_bookings_7d_ratio,
        365e0 / 30 * destination_bookings_30d / nullif(destination_bookings_365d, 0) as destination_bookings_30d_ratio,
        destination_bookings_30d / nullif(destination_listing_count, 0) as destination_bookings_per_listing_30d,

        weekday,
        month,
        day_of_year,
        is_holiday,
        days_to_next_holiday,
        days_since_last_holiday
    from rated

)

select * from final
