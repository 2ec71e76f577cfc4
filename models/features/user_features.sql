{{ config(materialized='incremental', unique_key=['user_id', 'feature_date']) }}

{% set windows = [90, 365] %}
{% set measures = {
    'bookings': windows,
    'nights': windows,
    'spend_cents': windows,
    'cancellations': windows,
    'cancelled_spend_cents': windows,
} %}
{% set ever = measures.keys() | list + ['lead_days', 'weekend_check_ins', 'destinations'] %}

with refresh as (

    {{ refresh_window() }}

),

versions as (

    select * from {{ ref('user_versions') }}

),

bookings as (

    select
        user_id,
        destination_id,
        created_date,
        cancelled_date,
        check_in_date,
        coalesce(nights, 0) as nights,
        cast(100 * coalesce(amount, 0) as double) as spend_cents,
        row_number() over (partition by user_id, destination_id order by created_at, booking_id) as visit_number
    from {{ ref('stg_bookings') }}
    where user_id is not null

),

-- A sum over all time needs a user's whole history, so only users with a change to build are read.
refreshed as (

    {% for days in [0] + windows %}
        select user_id
        from bookings
        where
            created_date + {{ 1 + days }} >= (select refresh_from from refresh)
            and created_date + {{ 1 + days }} <= (select as_of_date from refresh)
        union
        select user_id
        from bookings
        where
            cancelled_date + {{ 1 + days }} >= (select refresh_from from refresh)
            and cancelled_date + {{ 1 + days }} <= (select as_of_date from refresh)
        union
    {% endfor %}
    select user_id
    from versions
    where known_from >= (select refresh_from from refresh)

),

unioned as (

    select
        user_id,
        created_date as activity_date,
        1 as bookings,
        nights,
        spend_cents,
        0 as cancellations,
        cast(0 as double) as cancelled_spend_cents,
        greatest({{ dbt.datediff('created_date', 'check_in_date', 'day') }}, 0) as lead_days,
        case when {{ iso_weekday('check_in_date') }} in (5, 6) then 1 else 0 end as weekend_check_ins,
        case when visit_number = 1 then 1 else 0 end as destinations
    from bookings
    union all
    select
        user_id,
        cancelled_date as activity_date,
        0 as bookings,
        0 as nights,
        cast(0 as double) as spend_cents,
        1 as cancellations,
        spend_cents as cancelled_spend_cents,
        0 as lead_days,
        0 as weekend_check_ins,
        0 as destinations
    from bookings
    where cancelled_date < (select as_of_date from refresh)

),

activity as (

    select unioned.*
    from unioned
    inner join refreshed on unioned.user_id = refreshed.user_id

),

rolled as (

    {{ rolling_windows('activity', 'user_id', 'activity_date', measures, until='(select as_of_date from refresh)') }}

),

daily as (

    select
        user_id,
        activity_date + 1 as feature_date,
        {% for measure in ever %}
            cast(sum({{ measure }}) as double) as {{ measure }},
        {% endfor %}
        max(case when bookings > 0 then activity_date end) as booked_date
    from activity
    group by user_id, activity_date

),

cumulated as (

    select
        user_id,
        feature_date,
        {% for measure in ever %}
            sum({{ measure }}) over user_history as {{ measure }}_ever,
        {% endfor %}
        min(booked_date) over user_history as first_booking_date,
        max(booked_date) over user_history as last_booking_date
    from daily
    window
        user_history as (
            partition by user_id order by feature_date
            rows between unbounded preceding and current row
        )

),

changed as (

    select
        user_id,
        feature_date
    from rolled
    union
    select
        user_id,
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
        'fresh', 'versions', ['user_id'], 'feature_date', 'known_from', ['country', 'user_type', 'signed_up_date']
    ) }}

),

{% set sums = [] %}
{% for measure, lengths in measures.items() %}
    {% for length in lengths %}{% do sums.append(measure ~ '_' ~ length ~ 'd') %}{% endfor %}
{% endfor %}

booked as (

    {{ as_of_join('attributed', 'rolled', ['user_id'], 'feature_date', 'feature_date', sums) }}

),

{% set totals = [] %}
{% for measure in ever %}{% do totals.append(measure ~ '_ever') %}{% endfor %}

summed as (

    {{ as_of_join(
        'booked', 'cumulated', ['user_id'], 'feature_date', 'feature_date',
        totals + ['first_booking_date', 'last_booking_date']
    ) }}

),

final as (

    select
        user_id,
        feature_date,

        country,
        user_type,
        signed_up_date,
        first_booking_date,
        last_booking_date,

        {% for name in sums + totals if not name.startswith('lead_days') and not name.startswith('weekend') %}
            {% if '_cents' in name %}
                coalesce({{ name }}, 0) / 100 as {{ name | replace('_cents', '') }},
            {% else %}
                coalesce({{ name }}, 0) as {{ name }},
            {% endif %}
        {% endfor %}
        {% for suffix in ['90d', '365d', 'ever'] %}
            spend_cents_{{ suffix }} / 100 / nullif(bookings_{{ suffix }}, 0) as average_booking_value_{{ suffix }},
        {% endfor %}
        cancellations_365d / nullif(bookings_365d, 0) as cancellation_rate_365d,
        cancellations_ever / nullif(bookings_ever, 0) as cancellation_rate_ever,
        cast({{ dbt.datediff('first_booking_date', 'last_booking_date', 'day') }} as double)
        / nullif(bookings_ever - 1, 0) as mean_gap_days,
        lead_days_ever / nullif(bookings_ever, 0) as mean_lead_days,
        weekend_check_ins_ever / nullif(bookings_ever, 0) as weekend_share
    from summed
    -- bookings of somebody whom dim_user does not know yet
    where signed_up_date is not null

)

select * from final
