{{ config(materialized='view') }}

{% set attributes = var('booking_attributes') %}
{% set ids = {'user': 'user_id', 'host': 'host_id', 'property': 'property_id'} %}
{# attributes such as a market segment and a deposit tell of groups already: the rule would count them twice #}
{% set entities = dict(ids) if attributes else dict(ids, alike='alike_band') %}
{# cancellations beside those expected, worth as many of each when it has a history of none #}
{% set priors = {'user': 3} %}
{% for attribute in attributes %}{% do entities.update({'attribute_' ~ attribute: 'text_' ~ attribute}) %}{% endfor %}

with spine as (

    select * from {{ ref('cancellation_spine') }}

),

first_user_versions as (

    select
        user_id,
        country,
        user_type,
        known_from,
        row_number() over (partition by user_id order by known_from) as version_number
    from {{ ref('user_versions') }}

),

destinations as (

    select * from {{ ref('stg_destinations') }}

),

calendar_features as (

    select * from {{ ref('calendar_features') }}

),

histories as (

    select * from {{ ref('cancellation_histories') }}

),

{% for name, key in entities.items() %}
    {{ name }}_history as (

        select
            {{ 'attribute_value as ' if name not in ids }}{{ key }},
            label_known_date,
            decided,
            cancelled,
            expected
        from histories
        where owner = '{{ name }}'

    ),

{% endfor %}

timing as (

    select * from {{ ref('cancellation_timing') }}

),

spine_elapsed as (

    select
        *,
        cast(
            floor(
                100 * {{ dbt.datediff('created_date', 'as_of_date', 'day') }} / nullif(cast(lead_days as double), 0)
            ) as int
        ) - 1 as percent_passed
    from spine

),

spine_timed as (

    {{ as_of_join('spine_elapsed', 'timing', ['split', 'lead_band'], 'percent_passed', 'percent_elapsed', [
        'cancellations_so_far', 'cancellations'
    ]) }}

),

{% set step = namespace(last='spine_timed') %}
{% for name, key in entities.items() %}
    spine_{{ name }} as (

        {{ as_of_join(step.last, name ~ '_history', [key], 'created_date', 'label_known_date', {
            'decided': name ~ '_decided', 'cancelled': name ~ '_cancelled', 'expected': name ~ '_expected'
        }, wanted='spine') }}

    ),

    {% set step.last = 'spine_' ~ name %}
{% endfor %}

with_user as (

    {{ as_of_join(step.last, ref('user_features'), ['user_id'], 'created_date', 'feature_date', {
        'country': 'known_country', 'user_type': 'known_user_type', 'signed_up_date': 'signed_up_date',
        'bookings_ever': 'user_bookings', 'bookings_365d': 'user_bookings_365d', 'cancellations_ever': 'user_cancellations',
    }, wanted='spine') }}

),

with_property as (

    {{ as_of_join('with_user', ref('property_features'), ['property_id'], 'created_date', 'feature_date', [
        'property_type', 'base_price', 'max_guests', 'bedrooms', 'bathrooms', 'bookings_365d', 'cancellations_365d',
    ], wanted='spine') }}

),

-- prices of the market move where nothing of the property does
with_market as (

    {{ as_of_join(
        'with_property', ref('market_prices'), ['destination_id', 'property_type'], 'created_date', 'known_from', ['market_price'],
        wanted='with_property'
    ) }}

),

with_host as (

    {{ as_of_join('with_market', ref('host_features'), ['host_id'], 'created_date', 'feature_date', [
        'host_property_count', 'host_cancellation_rate_365d',
    ], wanted='spine') }}

),

with_destination as (

    {{ as_of_join('with_host', ref('destination_features'), ['destination_id'], 'created_date', 'feature_date', [
        'destination_cancellation_rate_365d',
    ], wanted='spine') }}

),

joined as (

    select
        with_destination.*,
        destinations.country as destination_country,
        coalesce(with_destination.known_country, first_user_versions.country, 'unknown') as country,
        coalesce(with_destination.known_user_type, first_user_versions.user_type, 'unknown') as user_type,
        calendar_features.is_holiday,
        calendar_features.is_long_weekend,
        calendar_features.days_to_next_holiday,
        calendar_features.days_since_last_holiday
    from with_destination
    -- who books on the day of the sign-up is known by it
    left join first_user_versions
        on with_destination.user_id = first_user_versions.user_id
        and first_user_versions.version_number = 1
        and with_destination.created_date + 1 >= first_user_versions.known_from
    left join destinations on with_destination.destination_id = destinations.destination_id
    left join calendar_features
        on destinations.country = calendar_features.country
        and with_destination.check_in_date = calendar_features.calendar_date

),

final as (

    select
        booking_id,
        as_of_date,
        split,
        created_date,
        check_in_date,
        label_known_date,
        property_id,
        destination_id,
        lead_band,
        case when created_date < split_begins then 'before the split' else 'within the split' end as made,
        -- whether the booking stood, of those made before, when its split began
        case
            when created_date < split_begins and (cancelled_date is null or cancelled_date >= as_of_date) then 1e0
            else 0e0
        end as is_open,
        total_amount,
        -- one cancellation more, still to come: that none of those known came so late does not say that none will
        (coalesce(cancellations - cancellations_so_far, 0) + 1e0) / (coalesce(cancellations, 0) + 1) as later_share,
        case when split <> 'score' then cast(cancelled as double) end as cancelled,
        baseline_probability,
        -- the rule: the odds of the lead time, times how much more often than those expect each history has cancelled
        1 - 1 / (
            1 + baseline_probability / (1 - baseline_probability)
            {% for name in entities %}
                * (coalesce({{ name }}_cancelled, 0) + {{ priors.get(name, 20) }})
                / (coalesce({{ name }}_expected, 0) + {{ priors.get(name, 20) }})
            {% endfor %}
        ) as rule_probability,

        cast(lead_days as double) as lead_days,
        nights,
        guests,
        guests / nullif(max_guests, 0) as guests_to_capacity,
        total_amount / nullif(nights, 0) as price_per_night,
        total_amount / nullif(nights, 0) / nullif(base_price, 0) as price_to_base,
        is_business_booking,
        bookings_alike,

        {# of bookings so many alike the rule alone has the history: trees learn it from bookings_alike #}
        {% for name in entities if name != 'alike' %}
            coalesce({{ name }}_decided, 0) as {{ name }}_decided,
            coalesce({{ name }}_cancelled, 0) as {{ name }}_cancelled,
            (coalesce({{ name }}_cancelled, 0) + 1) / (coalesce({{ name }}_expected, 0) + 1) as {{ name }}_cancellation_ratio,
        {% endfor %}
        coalesce(user_bookings, 0) as user_bookings,
        coalesce(user_bookings_365d, 0) as user_bookings_365d,
        coalesce(user_cancellations, 0) as user_cancellations,
        cast({{ dbt.datediff('signed_up_date', 'created_date', 'day') }} as double) as tenure_days,
        country,
        user_type,
        case when country = destination_country then 1e0 else 0e0 end as is_domestic,

        coalesce(property_type, 'unknown') as property_type,
        base_price,
        max_guests,
        bedrooms,
        bathrooms,
        base_price / nullif(market_price, 0) as price_to_market,
        bookings_365d,
        cancellations_365d,
        host_property_count,
        host_cancellation_rate_365d,
        destination_cancellation_rate_365d,

        cast({{ iso_weekday('check_in_date') }} as double) as check_in_weekday,
        cast(extract(month from check_in_date) as double) as check_in_month,
        cast(extract(doy from check_in_date) as double) as check_in_day_of_year,
        is_holiday,
        is_long_weekend,
        days_to_next_holiday,
        days_since_last_holiday
        {% for attribute in attributes %}
            , attribute_{{ attribute }}
        {% endfor %}
    from joined

)

select * from final
