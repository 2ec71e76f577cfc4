{#
  CTEs that give each row of CTE `bookings` the chance that it is cancelled, by its lead time alone: the past year's rate of
  its lead band as of a day, drawn to that of all bookings by the weight of ten. One in five is a guess for the first days
  of gold, worth ten bookings. The last of them is `rated_bookings`, which adds `baseline_probability`.

  Arguments
    date  column of `bookings`, beside lead_band and platform ('all'): the day whose rates are meant

  Example: {{ by_lead_time('created_date') }}, after `with bookings as (…),`
#}
{% macro by_lead_time(date) -%}
rates_by_lead as (

    select * from {{ ref('cancellation_rates') }}

),

rates_of_all as (

    select
        lead_band as platform,
        feature_date,
        decided_365d,
        cancelled_365d
    from rates_by_lead
    where lead_band = 'all'

),

bookings_by_lead as (

    {{ as_of_join('bookings', 'rates_by_lead', ['lead_band'], date, 'feature_date', {
        'decided_365d': 'decided_of_lead', 'cancelled_365d': 'cancelled_of_lead'
    }, wanted='bookings') }}

),

bookings_of_all as (

    {{ as_of_join('bookings_by_lead', 'rates_of_all', ['platform'], date, 'feature_date', {
        'decided_365d': 'decided_of_all', 'cancelled_365d': 'cancelled_of_all'
    }, wanted='bookings') }}

),

rated_bookings as (

    select
        *,
        (coalesce(cancelled_of_lead, 0) + 10 * (coalesce(cancelled_of_all, 0) + 2) / (coalesce(decided_of_all, 0) + 10))
        / (coalesce(decided_of_lead, 0) + 10) as baseline_probability
    from bookings_of_all

)
{%- endmacro %}
