-- Fails for every example whose history of its user or property holds anything else than the bookings of theirs that were
-- to arrive before the day on which it was made, counted here one by one.
{% set owners = {'user': 'user_id', 'property': 'property_id'} %}

with examples as (

    select
        examples.booking_id,
        examples.created_date,
        examples.user_decided,
        examples.user_cancelled,
        examples.property_decided,
        examples.property_cancelled,
        bookings.user_id,
        bookings.property_id
    from {{ ref('cancellation_examples') }} as examples
    inner join {{ ref('stg_bookings') }} as bookings on examples.booking_id = bookings.booking_id
    where {{ hash_fraction(['examples.booking_id'], salt=22) }} * (select count(*) from {{ ref('cancellation_examples') }}) < 2000

),

bookings as (

    select
        user_id,
        property_id,
        check_in_date,
        coalesce(cancelled_date <= check_in_date, false) as is_cancelled
    from {{ ref('stg_bookings') }}
    where check_in_date >= created_date

),

{% for owner, key in owners.items() %}
    {{ owner }}_counts as (

        select
            examples.booking_id,
            max(examples.{{ owner }}_decided) as decided,
            max(examples.{{ owner }}_cancelled) as cancelled,
            count(bookings.check_in_date) as expected_decided,
            count(*) filter (where bookings.is_cancelled) as expected_cancelled
        from examples
        left join bookings
            on examples.{{ key }} = bookings.{{ key }}
            and examples.created_date > bookings.check_in_date
        group by examples.booking_id

    ),

{% endfor %}

unioned as (

    {% for owner in owners %}
        select
            '{{ owner }}' as owner,
            booking_id,
            decided,
            cancelled,
            expected_decided,
            expected_cancelled
        from {{ owner }}_counts
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

{% set text = dbt.type_string() %}
select
    'booking ' || cast(booking_id as {{ text }}) || ': ' || owner || '_decided ' || cast(decided as {{ text }})
    || ' and ' || owner || '_cancelled ' || cast(cancelled as {{ text }}) || '; known when it was made were '
    || cast(expected_decided as {{ text }}) || ' and ' || cast(expected_cancelled as {{ text }}) as message
from unioned
where decided <> expected_decided or cancelled <> expected_cancelled
