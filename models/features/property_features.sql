{{ config(materialized='incremental', unique_key=['property_id', 'feature_date']) }}

{% set windows = [7, 30, 90, 365] %}
{% set measures = ['bookings', 'guests', 'nights', 'revenue_cents', 'cancellations', 'check_ins'] %}
{% set engaged = ['views_7d', 'views_30d', 'clicks_7d', 'clicks_30d', 'searches_7d', 'searches_30d'] %}

{# what is carried along, with its type; and the rows on which it changes: relation, date, and what it holds of each #}
{% set carried = {'known_from': 'date'} %}
{% set changing = [('versions', 'known_from', {'known_from': 'known_from'})] %}
{% for days in [0] + windows %}
    {% do carried.update({'left_' ~ days ~ 'd': 'date'}) %}
    {% do changing.append(('totals', 'activity_date + ' ~ (1 + days), {'left_' ~ days ~ 'd': 'activity_date'})) %}
{% endfor %}
{% do changing.append(('engagement', 'feature_date', {})) %}
{% for column in engaged %}
    {% do carried.update({column: 'double'}) %}
    {% do changing[-1][2].update({column: column}) %}
{% endfor %}

with refresh as (

    {{ refresh_window() }}

),

versions as (

    select * from {{ ref('property_versions') }}

),

-- a window's sums change 30 days after a view at the latest
engagement as (

    select
        property_id,
        feature_date,
        {{ engaged | join(', ') }}
    from {{ ref('engagement_features') }}
    {% if is_incremental() %}where feature_date >= (select refresh_from - 31 from refresh){% endif %}

),

activity as (

    select
        property_id,
        activity_date,
        sum(cast(bookings as double)) as bookings,
        sum(cast(guests as double)) as guests,
        sum(cast(nights as double)) as nights,
        sum(cast(100 * revenue as double)) as revenue_cents,
        sum(cast(cancellations as double)) as cancellations,
        sum(cast(check_ins as double)) as check_ins,
        max(case when bookings > 0 then activity_date end) as booked_date
    from {{ ref('booking_activity') }}
    {% if is_incremental() %}where activity_date >= (select read_from from refresh){% endif %}
    group by property_id, activity_date

),

totals as (

    select
        property_id,
        activity_date,
        {% for measure in measures %}
            sum({{ measure }}) over property_history as {{ measure }},
        {% endfor %}
        max(booked_date) over property_history as last_booking_date
    from activity
    window
        property_history as (
            partition by property_id order by activity_date
            rows between unbounded preceding and current row
        )

),

-- A day's activity enters every window on the day after it and leaves a window of n days n days later. What a window
-- holds is the total up to its newest day less the total up to the newest day that has left it: both dates are carried
-- along in one pass, which costs less than a running sum for each window of each measure. As in rolling_windows, rows
-- are those dates, and here those of versions and engagement, too, whose sums are carried along themselves.
changes as (

    {% for relation, date, held in changing %}
        select
            property_id,
            {{ date }} as feature_date,
            {% for column, type in carried.items() %}
                {{ held.get(column, 'cast(null as ' ~ type ~ ')') }} as {{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ relation }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

change_days as (

    select
        property_id,
        feature_date,
        {% for column in carried %}
            max({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from changes
    where feature_date <= (select as_of_date from refresh)
    group by property_id, feature_date

),

dated as (

    select
        property_id,
        feature_date,
        {% for column in carried %}
            {{ carried_forward(column) }} over property_history as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from change_days
    window
        property_history as (
            partition by property_id order by feature_date
            rows between unbounded preceding and current row
        )

),

summed as (

    select
        dated.property_id,
        dated.feature_date,
        versions.host_id,
        versions.destination_id,
        versions.property_type,
        versions.base_price,
        versions.max_guests,
        versions.bedrooms,
        versions.bathrooms,
        versions.listed_date,
        {% for measure in measures %}
            {% for days in windows %}
                coalesce(known.{{ measure }}, 0) - coalesce(before_{{ days }}d.{{ measure }}, 0) as {{ measure }}_{{ days }}d,
            {% endfor %}
        {% endfor %}
        case
            when known.last_booking_date + {{ windows | max }} >= dated.feature_date then known.last_booking_date
        end as last_booking_date,
        {% for column in engaged %}
            dated.{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from dated
    inner join versions
        on dated.property_id = versions.property_id
        and dated.known_from = versions.known_from
    left join totals as known
        on dated.property_id = known.property_id
        and dated.left_0d = known.activity_date
    {% for days in windows %}
        left join totals as before_{{ days }}d
            on dated.property_id = before_{{ days }}d.property_id
            and dated.left_{{ days }}d = before_{{ days }}d.activity_date
    {% endfor %}
    -- no condition that holds for every row on a first run: one against a subquery is taken for rare there
    {% if is_incremental() %}where dated.feature_date >= (select refresh_from from refresh){% endif %}

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

        {% for measure in measures %}
            {% for days in windows %}
                {% if measure == 'revenue_cents' %}
                    revenue_cents_{{ days }}d / 100 as revenue_{{ days }}d,
                {% else %}
                    {{ measure }}_{{ days }}d,
                {% endif %}
            {% endfor %}
        {% endfor %}
        {% for column in engaged %}
            coalesce({{ column }}, 0) as {{ column }},
        {% endfor %}
        revenue_cents_365d / 100 / nullif(bookings_365d, 0) as average_booking_value_365d,
        bookings_30d / nullif(views_30d, 0) as view_to_booking_rate_30d,
        cast({{ dbt.datediff('listed_date', 'feature_date', 'day') }} as double) as listing_age_days,
        cast({{ dbt.datediff('last_booking_date', 'feature_date', 'day') }} as double) as days_since_last_booking,

        listed_date,
        last_booking_date
    from summed

)

select * from final
