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

-- a window's sums change 30 days after a view at the latest
engagement as (

    select
        property_id,
        feature_date,
        views_7d,
        views_30d,
        clicks_7d,
        clicks_30d,
        searches_7d,
        searches_30d
    from {{ ref('engagement_features') }}
    where feature_date >= (select refresh_from - 31 from refresh)

),

activity as (

    select
        property_id,
        activity_date,
        bookings,
        guests,
        nights,
        cast(100 * revenue as double) as revenue_cents,
        cancellations,
        check_ins
    from {{ ref('booking_activity') }}
    where activity_date >= (select read_from from refresh)

),

{% set windows = [7, 30, 90, 365] %}
{% set measures = {
    'bookings': windows,
    'guests': windows,
    'nights': windows,
    'revenue_cents': windows,
    'cancellations': windows,
    'check_ins': windows,
} %}

rolled as (

    {{ rolling_windows(
        'activity', 'property_id', 'activity_date', measures, last=['bookings'], until='(select as_of_date from refresh)'
    ) }}

),

changed as (

    select
        property_id,
        feature_date
    from rolled
    union
    select
        property_id,
        feature_date
    from engagement
    union
    select
        property_id,
        known_from as feature_date
    from versions

),

fresh as (

    select *
    from changed
    where
        feature_date >= (select refresh_from from refresh)
        and feature_date <= (select as_of_date from refresh)

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

engaged as (

    {{ as_of_join(
        'hosted', 'engagement', ['property_id'], 'feature_date', 'feature_date',
        ['views_7d', 'views_30d', 'clicks_7d', 'clicks_30d', 'searches_7d', 'searches_30d']
    ) }}

),

{% set sums = [] %}
{% for measure, windows in measures.items() %}
    {% for window in windows %}{% do sums.append(measure ~ '_' ~ window ~ 'd') %}{% endfor %}
{% endfor %}

booked as (

    {{ as_of_join(
        'engaged', 'rolled', ['property_id'], 'feature_date', 'feature_date', sums + ['last_bookings_date']
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

        {% for name in sums %}
            {% if name.startswith('revenue_cents') %}
                coalesce({{ name }}, 0) / 100 as {{ name | replace('_cents', '') }},
            {% else %}
                coalesce({{ name }}, 0) as {{ name }},
            {% endif %}
        {% endfor %}
        coalesce(views_7d, 0) as views_7d,
        coalesce(views_30d, 0) as views_30d,
        coalesce(clicks_7d, 0) as clicks_7d,
        coalesce(clicks_30d, 0) as clicks_30d,
        coalesce(searches_7d, 0) as searches_7d,
        coalesce(searches_30d, 0) as searches_30d,
        revenue_cents_365d / 100 / nullif(bookings_365d, 0) as average_booking_value_365d,
        coalesce(bookings_30d, 0) / nullif(views_30d, 0) as view_to_booking_rate_30d,
        cast({{ dbt.datediff('listed_date', 'feature_date', 'day') }} as double) as listing_age_days,
        cast({{ dbt.datediff('last_bookings_date', 'feature_date', 'day') }} as double) as days_since_last_booking,

        listed_date,
        last_bookings_date as last_booking_date
    from booked
    where listed_date is not null

)

select * from final
