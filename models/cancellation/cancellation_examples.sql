{% set attributes = var('booking_attributes') %}
{% set prior_bookings = 10 %}
{% set entities = {'user': 'user_id', 'host': 'host_id', 'property': 'property_id'} %}
{% for attribute in attributes %}{% do entities.update({'attribute_' ~ attribute: 'text_' ~ attribute}) %}{% endfor %}

with decision as (

    select * from {{ ref('cancellation_retraining') }}

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
        splits.first_check_in,
        splits.last_check_in,
        case splits.split
            when 'score' then null
            when 'train' then {{ var('cancellation_training_rows') }}
            else {{ var('cancellation_evaluation_rows') }}
        end as row_limit
    from {{ ref('cancellation_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

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

-- what is known when a booking is made, and cancelled_date, which is not; a booking made after its own arrival cannot
-- be predicted
bookings as (

    select
        booking_id,
        user_id,
        host_id,
        property_id,
        destination_id,
        created_date,
        check_in_date,
        check_in_date + 1 as label_known_date,
        cancelled_date,
        {{ dbt.datediff('created_date', 'check_in_date', 'day') }} as lead_days,
        cast(nights as double) as nights,
        cast(guests as double) as guests,
        cast(amount as double) as total_amount,
        case when is_business_booking then 1e0 else 0e0 end as is_business_booking
        {% for attribute in attributes %}
            , attribute_{{ attribute }}
            , cast(attribute_{{ attribute }} as {{ dbt.type_string() }}) as text_{{ attribute }}
        {% endfor %}
    from {{ ref('stg_bookings') }}
    where
        created_date < (select as_of_date from clock)
        and check_in_date >= created_date

),

-- the outcome is the one at arrival, known on the morning after it
banded as (

    select
        *,
        case when cancelled_date <= check_in_date then 1 else 0 end as cancelled,
        {{ band_name('lead_days', product_cancellation().bands.lead_band.bands) }} as lead_band
    from bookings

),

decided as (

    select
        'all' as platform,
        lead_band,
        check_in_date,
        1 as decided,
        cancelled
    from banded
    where label_known_date <= (select as_of_date from clock)

),

rates_by_lead as (

    {{ rolling_windows(
        'decided', 'lead_band', 'check_in_date', {'decided': [365], 'cancelled': [365]}, until='(select as_of_date from clock)'
    ) }}

),

rates_of_all as (

    {{ rolling_windows(
        'decided', 'platform', 'check_in_date', {'decided': [365], 'cancelled': [365]}, until='(select as_of_date from clock)'
    ) }}

),

platform_bookings as (

    select
        'all' as platform,
        banded.*
    from banded

),

bookings_by_lead as (

    {{ as_of_join('platform_bookings', 'rates_by_lead', ['lead_band'], 'created_date', 'feature_date', {
        'decided_365d': 'decided_of_lead', 'cancelled_365d': 'cancelled_of_lead'
    }, wanted='platform_bookings') }}

),

bookings_of_all as (

    {{ as_of_join('bookings_by_lead', 'rates_of_all', ['platform'], 'created_date', 'feature_date', {
        'decided_365d': 'decided_of_all', 'cancelled_365d': 'cancelled_of_all'
    }, wanted='platform_bookings') }}

),

-- one in five is a guess for the first days of gold, worth ten bookings
expected as (

    select
        *,
        (
            coalesce(cancelled_of_lead, 0)
            + {{ prior_bookings }} * (coalesce(cancelled_of_all, 0) + 2) / (coalesce(decided_of_all, 0) + 10)
        ) / (coalesce(decided_of_lead, 0) + {{ prior_bookings }}) as baseline_probability
    from bookings_of_all

),

-- cancellations of those who have arrived or should have, beside those that their lead times let expect, in millionths:
-- whole numbers add up to the same in any order. Cancellations of stays to come would tell of cancelling only.
outcomes as (

    select
        *,
        cast(floor(1000000 * baseline_probability) as bigint) as expected_millionths
    from expected
    where label_known_date <= (select as_of_date from clock)

),

{% for name, key in entities.items() %}
    {{ name }}_days as (

        select
            {{ key }},
            label_known_date,
            count(*) as decided,
            sum(cancelled) as cancelled,
            sum(expected_millionths) as expected_millionths
        from outcomes
        where {{ key }} is not null
        group by {{ key }}, label_known_date

    ),

    {{ name }}_history as (

        select
            {{ key }},
            label_known_date,
            cast(sum(decided) over so_far as double) as decided,
            cast(sum(cancelled) over so_far as double) as cancelled,
            cast(sum(expected_millionths) over so_far as double) / 1000000 as expected
        from {{ name }}_days
        window
            so_far as (
                partition by {{ key }} order by label_known_date
                rows between unbounded preceding and current row
            )

    ),

{% endfor %}

eligible as (

    select
        expected.*,
        splits.split,
        splits.row_limit,
        clock.as_of_date as today,
        greatest(expected.created_date, splits.first_check_in) as as_of_date,
        splits.first_check_in as split_begins,
        count(*) over (partition by splits.split) as eligible_rows
    from expected
    cross join clock
    inner join splits
        on expected.check_in_date >= splits.first_check_in
        and expected.check_in_date <= splits.last_check_in
    where
        splits.split <> 'score'
        or expected.cancelled_date is null
        or expected.cancelled_date >= clock.as_of_date

),

-- rows are drawn whatever their label, or the probabilities would not be those of the platform
spine as (

    select *
    from eligible
    where {{ is_sampled(['booking_id'], salt=21, most='row_limit', rows='eligible_rows') }}

),

-- when those who cancel do so, in percent of the lead time: from arrivals of the year before each split
cancelled_before_arrival as (

    select
        splits.split,
        outcomes.lead_band,
        cast(
            floor(
                100 * {{ dbt.datediff('outcomes.created_date', 'outcomes.cancelled_date', 'day') }}
                / cast(outcomes.lead_days as double)
            ) as int
        ) as percent_elapsed
    from splits
    inner join outcomes
        on splits.first_check_in >= outcomes.label_known_date
        and splits.first_check_in <= outcomes.label_known_date + 365
    where outcomes.cancelled = 1 and outcomes.lead_days > 0

),

timing as (

    select
        split,
        lead_band,
        percent_elapsed,
        count(*) as cancellations
    from cancelled_before_arrival
    group by split, lead_band, percent_elapsed

),

timing_so_far as (

    select
        split,
        lead_band,
        percent_elapsed,
        sum(cancellations) over so_far as cancellations_so_far,
        sum(cancellations) over (partition by split, lead_band) as cancellations
    from timing
    window
        so_far as (
            partition by split, lead_band order by percent_elapsed
            rows between unbounded preceding and current row
        )

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

    {{ as_of_join('spine_elapsed', 'timing_so_far', ['split', 'lead_band'], 'percent_passed', 'percent_elapsed', [
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
        'property_type', 'base_price', 'max_guests', 'bedrooms', 'bathrooms', 'price_to_market', 'bookings_365d',
        'cancellations_365d',
    ], wanted='spine') }}

),

with_host as (

    {{ as_of_join('with_property', ref('host_features'), ['host_id'], 'created_date', 'feature_date', [
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
        total_amount,
        coalesce(1 - cast(cancellations_so_far as double) / cancellations, 1) as later_share,
        case when split <> 'score' then cast(cancelled as double) end as cancelled,
        baseline_probability,

        cast(lead_days as double) as lead_days,
        nights,
        guests,
        guests / nullif(max_guests, 0) as guests_to_capacity,
        total_amount / nullif(nights, 0) as price_per_night,
        total_amount / nullif(nights, 0) / nullif(base_price, 0) as price_to_base,
        is_business_booking,

        {% for name in entities %}
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
        price_to_market,
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
