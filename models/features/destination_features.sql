{{ config(materialized='incremental', unique_key=['destination_id', 'feature_date']) }}

{% set weekdays = range(1, 8) %}

with refresh as (

    {{ refresh_window() }}

),

listings as (

    select
        destination_id,
        property_id,
        min(known_from) as known_from
    from {{ ref('property_versions') }}
    group by destination_id, property_id

),

-- listing days: every day that each property has been listed, as a running sum of a running sum
portfolio as (

    select
        destination_id,
        known_from,
        sum(new_listings) over destination_history as listing_count,
        sum(new_listings * {{ day_number('known_from') }}) over destination_history as listed_day_numbers
    from (
        select
            destination_id,
            known_from,
            count(*) as new_listings
        from listings
        group by destination_id, known_from
    ) as daily
    window
        destination_history as (
            partition by destination_id
            order by known_from
            rows between unbounded preceding and current row
        )

),

activity as (

    select
        destination_id,
        activity_date,
        bookings,
        cancellations,
        cast(100 * revenue as double) as revenue_cents,
        check_ins,
        {% for weekday in weekdays %}
            case when {{ iso_weekday('activity_date') }} = {{ weekday }} then check_ins end
                as check_ins_weekday_{{ weekday }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('booking_activity') }}
    where activity_date >= (select read_from from refresh)
    union all
    select
        destination_id,
        known_from - 1 as activity_date,
        0 as bookings,
        0 as cancellations,
        0 as revenue_cents,
        0 as check_ins,
        {% for weekday in weekdays %}
            0 as check_ins_weekday_{{ weekday }}{{ ',' if not loop.last }}
        {% endfor %}
    from portfolio

),

{% set measures = {
    'bookings': [7, 30, 90, 365],
    'check_ins': [7, 30, 90, 365],
    'revenue_cents': [30, 365],
    'cancellations': [365],
} %}
{% for weekday in weekdays %}{% do measures.update({'check_ins_weekday_' ~ weekday: [365]}) %}{% endfor %}

rolled as (

    {{ rolling_windows(
        'activity', 'destination_id', 'activity_date', measures,
        until='(select as_of_date from refresh)'
    ) }}

),

fresh as (

    select *
    from rolled
    where feature_date >= (select refresh_from from refresh)

),

sized as (

    {{ as_of_join(
        'fresh', 'portfolio', ['destination_id'], 'feature_date', 'known_from',
        ['listing_count', 'listed_day_numbers']
    ) }}

),

final as (

    select
        destination_id,
        feature_date,
        cast(coalesce(listing_count, 0) as double) as destination_listing_count,
        cast(coalesce(listing_count * {{ day_number('feature_date') }} - listed_day_numbers, 0) as double)
            as destination_listing_days,
        {% for measure, windows in measures.items() %}
            {% for window in windows %}
                {% if measure == 'revenue_cents' %}
                    revenue_cents_{{ window }}d / 100 as destination_revenue_{{ window }}d,
                {% else %}
                    {{ measure }}_{{ window }}d as destination_{{ measure }}_{{ window }}d,
                {% endif %}
            {% endfor %}
        {% endfor %}
        cancellations_365d / nullif(bookings_365d, 0) as destination_cancellation_rate_365d
    from sized

)

select * from final
