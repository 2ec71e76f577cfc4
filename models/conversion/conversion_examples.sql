{% set prior_views = 20 %}
{% set prior_clicks = 10 %}

with spine as (

    select * from {{ ref('conversion_spine') }}

),

destinations as (

    select * from {{ ref('stg_destinations') }}

),

calendar_features as (

    select * from {{ ref('calendar_features') }}

),

destination_days as (

    select
        destination_id,
        day_number,
        sum(views) as views,
        sum(clicks) as clicks,
        sum(bookings) as bookings
    from {{ ref('conversion_days') }}
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

spine_properties as (

    {{ as_of_join('spine', ref('property_features'), ['property_id'], 'engagement_date', 'feature_date', [
        'host_id', 'property_type', 'base_price', 'max_guests', 'bedrooms', 'bathrooms', 'bookings_7d', 'bookings_30d', 'bookings_90d', 'bookings_365d', 'check_ins_30d',
        'nights_30d', 'nights_365d', 'cancellations_365d', 'average_booking_value_365d', 'view_to_booking_rate_30d',
        'listed_date', 'last_booking_date',
    ], wanted='spine') }}

),

-- prices of the market and the host's listings move where nothing of the property does
spine_markets as (

    {{ as_of_join(
        'spine_properties', ref('market_prices'), ['destination_id', 'property_type'], 'engagement_date', 'known_from', ['market_price'],
        wanted='spine_properties'
    ) }}

),

spine_hosts as (

    {{ as_of_join(
        'spine_markets', ref('host_features'), ['host_id'], 'engagement_date', 'feature_date', ['host_rating', 'host_property_count'],
        wanted='spine_properties'
    ) }}

),

spine_engagement as (

    {{ as_of_join('spine_hosts', ref('engagement_features'), ['property_id'], 'engagement_date', 'feature_date', [
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
        base_price / nullif(market_price, 0) as price_to_market,
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
        cast(nights_taken_7d as double) as nights_taken_7d,
        cast(nights_taken_14d as double) as nights_taken_14d,
        cast(nights_taken_30d as double) as nights_taken_30d,
        cast(nights_taken_90d as double) as nights_taken_90d,
        cast(nights_taken_180d as double) as nights_taken_180d,
        greatest(7 - nights_taken_7d, 0) / nullif(usual_free_nights_7d, 0) as free_nights_7d_to_usual,
        greatest(14 - nights_taken_14d, 0) / nullif(usual_free_nights_14d, 0) as free_nights_14d_to_usual,
        greatest(30 - nights_taken_30d, 0) / nullif(usual_free_nights_30d, 0) as free_nights_30d_to_usual,
        greatest(90 - nights_taken_90d, 0) / nullif(usual_free_nights_90d, 0) as free_nights_90d_to_usual,
        greatest(180 - nights_taken_180d, 0) / nullif(usual_free_nights_180d, 0) as free_nights_180d_to_usual,

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
