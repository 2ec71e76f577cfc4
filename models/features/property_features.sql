{{ config(materialized='incremental', unique_key=['property_id', 'feature_date']) }}

with refresh as (

    {{ refresh_window() }}

),

versions as (

    select * from {{ ref('property_versions') }}

),

market_prices as (

    select * from {{ ref('market_prices') }}

),

host_features as (

    select * from {{ ref('host_features') }}

),

engagement as (

    select
        cast(engagement.property_id as bigint) as property_id,
        engagement.engagement_date as activity_date,
        engagement.view_count as views,
        engagement.click_count as clicks,
        engagement.search_count as searches
    from {{ source('gold', 'fact_property_engagement') }} as engagement
    inner join refresh
        on engagement.engagement_date >= refresh.read_from
        and engagement.engagement_date < refresh.as_of_date

),

-- a new version changes a property's features without any activity
activity as (

    select
        property_id,
        activity_date,
        bookings,
        guests,
        nights,
        cast(100 * revenue as double) as revenue_cents,
        cancellations,
        check_ins,
        0 as views,
        0 as clicks,
        0 as searches
    from {{ ref('booking_activity') }}
    where activity_date >= (select read_from from refresh)
    union all
    select
        property_id,
        activity_date,
        0 as bookings,
        0 as guests,
        0 as nights,
        0 as revenue_cents,
        0 as cancellations,
        0 as check_ins,
        views,
        clicks,
        searches
    from engagement
    union all
    select
        property_id,
        known_from - 1 as activity_date,
        0 as bookings,
        0 as guests,
        0 as nights,
        0 as revenue_cents,
        0 as cancellations,
        0 as check_ins,
        0 as views,
        0 as clicks,
        0 as searches
    from versions

),

{% set windows = [7, 30, 90, 365] %}
{% set measures = {
    'bookings': windows,
    'guests': windows,
    'nights': windows,
    'revenue_cents': windows,
    'cancellations': windows,
    'check_ins': windows,
    'views': [7, 30],
    'clicks': [7, 30],
    'searches': [7, 30],
} %}

rolled as (

    {{ rolling_windows(
        'activity', 'property_id', 'activity_date', measures, last=['bookings'], until='(select as_of_date from refresh)'
    ) }}

),

fresh as (

    select rolled.*
    from rolled
    inner join refresh on rolled.feature_date >= refresh.refresh_from

),

attributed as (

    {{ as_of_join(
        'fresh', 'versions', ['property_id'], 'feature_date', 'known_from',
        [
            'host_id', 'destination_id', 'property_type', 'base_price', 'max_guests', 'bedrooms', 'bathrooms',
            'listed_date',
        ]
    ) }}

),

priced as (

    {{ as_of_join(
        'attributed', 'market_prices', ['destination_id', 'property_type'], 'feature_date', 'known_from',
        ['market_price']
    ) }}

),

hosted as (

    {{ as_of_join(
        'priced', 'host_features', ['host_id'], 'feature_date', 'feature_date',
        ['host_rating', 'host_property_count']
    ) }}

),

final as (

    select
        property_id,
        feature_date,

        host_id,
        destination_id,
        property_type,
        base_price,
        max_guests,
        bedrooms,
        bathrooms,
        base_price / nullif(market_price, 0) as price_to_market,
        host_rating,
        host_property_count,

        {% for measure, windows in measures.items() %}
            {% for window in windows %}
                {% if measure == 'revenue_cents' %}
                    revenue_cents_{{ window }}d / 100 as revenue_{{ window }}d,
                {% else %}
                    {{ measure }}_{{ window }}d,
                {% endif %}
            {% endfor %}
        {% endfor %}
        revenue_cents_365d / 100 / nullif(bookings_365d, 0) as average_booking_value_365d,
        bookings_30d / nullif(views_30d, 0) as view_to_booking_rate_30d,
        cast({{ dbt.datediff('listed_date', 'feature_date', 'day') }} as double) as listing_age_days,
        cast({{ dbt.datediff('last_bookings_date', 'feature_date', 'day') }} as double) as days_since_last_booking,

        listed_date,
        last_bookings_date as last_booking_date
    from hosted
    where listed_date is not null

)

select * from final
