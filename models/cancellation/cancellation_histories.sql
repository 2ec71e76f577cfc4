{% set attributes = var('booking_attributes') %}
{% set entities = {'user': 'user_id', 'host': 'host_id', 'property': 'property_id'} %}
{# what the rule reads: see cancellation_described #}
{% set values = {} if attributes else {'alike': 'alike_band'} %}
{% for attribute in attributes %}{% do values.update({'attribute_' ~ attribute: 'text_' ~ attribute}) %}{% endfor %}

with decision as (

    select * from {{ ref('cancellation_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

bookings as (

    select
        *,
        'all' as platform
    from {{ ref('cancellation_made') }}
    where label_known_date <= (select as_of_date from clock)

),

-- by the rates of the day on which the outcome is known, no later than any feature that counts it: when the first bookings
-- of gold are made none that was made as far ahead has arrived, and what they let expect then is too little for good
{{ by_lead_time('label_known_date') }},

-- cancellations of those who have arrived or should have, beside those that their lead times let expect, in millionths:
-- whole numbers add up to the same in any order. Cancellations of stays to come would tell of cancelling only.
outcomes as (

    select
        *,
        cast(floor(1000000 * baseline_probability) as bigint) as expected_millionths
    from rated_bookings

),

owned as (

    {% for name, key in entities.items() %}
        select
            '{{ name }}' as owner,
            {% for other in entities.values() %}
                {{ other if other == key else 'cast(null as bigint)' }} as {{ other }},
            {% endfor %}
            cast(null as {{ dbt.type_string() }}) as attribute_value,
            label_known_date,
            cancelled,
            expected_millionths
        from outcomes
        where {{ key }} is not null
        union all
    {% endfor %}
    {% for name, value in values.items() %}
        select
            '{{ name }}' as owner,
            {% for other in entities.values() %}
                cast(null as bigint) as {{ other }},
            {% endfor %}
            {{ value }} as attribute_value,
            label_known_date,
            cancelled,
            expected_millionths
        from outcomes
        where {{ value }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

days as (

    select
        owner,
        user_id,
        host_id,
        property_id,
        attribute_value,
        label_known_date,
        count(*) as decided,
        sum(cancelled) as cancelled,
        sum(expected_millionths) as expected_millionths
    from owned
    group by owner, user_id, host_id, property_id, attribute_value, label_known_date

),

final as (

    select
        owner,
        user_id,
        host_id,
        property_id,
        attribute_value,
        label_known_date,
        cast(sum(decided) over so_far as double) as decided,
        cast(sum(cancelled) over so_far as double) as cancelled,
        cast(sum(expected_millionths) over so_far as double) / 1000000 as expected
    from days
    window
        so_far as (
            partition by owner, user_id, host_id, property_id, attribute_value order by label_known_date
            rows between unbounded preceding and current row
        )

)

select * from final
