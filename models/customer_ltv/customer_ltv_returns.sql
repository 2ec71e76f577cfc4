{{ config(materialized='ephemeral') }}

{% set label_days = product_customer_ltv().truth_days %}
{% set least_history_days = 180 %}
{% set prior_users = 20 %}

with clock as (

    select as_of_date
    from {{ ref('customer_ltv_retraining') }}
    where score_due

),

-- where nothing is to be scored, no fact is read
bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

-- each snapshot, and the day a year before it: what came of the users of then is known
snapshots as (

    select distinct
        as_of_date,
        as_of_date - {{ label_days }} as moment,
        history_days - {{ label_days }} as history_days
    from {{ ref('customer_ltv_spine') }}
    where history_days >= {{ label_days + least_history_days }}

),

users as (

    select
        user_id,
        min(feature_date) as known_from
    from {{ ref('user_features') }}
    group by user_id

),

platform as (

    select
        snapshots.as_of_date,
        cast(sum(bookings.amount) as double) / count(*) as booking_value
    from snapshots
    inner join bookings on snapshots.moment > bookings.created_date
    group by snapshots.as_of_date

),

members as (

    select
        users.user_id,
        snapshots.as_of_date,
        snapshots.moment,
        snapshots.history_days,
        platform.booking_value
    from snapshots
    inner join users on snapshots.moment >= users.known_from
    inner join platform on snapshots.as_of_date = platform.as_of_date

),

featured as (

    {{ as_of_join('members', ref('user_features'), ['user_id'], 'moment', 'feature_date', [
        'signed_up_date', 'first_booking_date', 'last_booking_date', 'bookings_ever', 'spend_ever',
    ], wanted='members') }}

),

evident as (

    {{ customer_evidence('featured', 'moment') }}

),

brought as (

    select
        snapshots.as_of_date,
        bookings.user_id,
        cast(sum(bookings.amount) as double) as revenue
    from snapshots
    inner join bookings
        on snapshots.moment <= bookings.created_date
        and snapshots.as_of_date > bookings.created_date
    where bookings.cancelled_date is null or bookings.cancelled_date >= snapshots.as_of_date
    group by snapshots.as_of_date, bookings.user_id

),

expected as (

    select
        evident.as_of_date,
        case when evident.bookings_ever > 0 then 1 else 0 end as has_booked,
        {{ silence_step('evident.silence') }} as silence_step,
        -- money is added up in cents, so that no order leaves a trace
        round(evident.shrunk_yearly_bookings * evident.shrunk_booking_value, 2) as expected_revenue,
        coalesce(brought.revenue, 0) as revenue
    from evident
    left join brought
        on evident.as_of_date = brought.as_of_date
        and evident.user_id = brought.user_id

),

cells as (

    select
        as_of_date,
        has_booked,
        silence_step,
        round(sum(expected_revenue), 2) as expected_revenue,
        round(sum(revenue), 2) as revenue
    from expected
    group by as_of_date, has_booked, silence_step

),

totals as (

    select
        as_of_date,
        round(sum(revenue), 2) / nullif(round(sum(expected_revenue), 2), 0) as returned_share,
        {{ prior_users }} * round(sum(expected_revenue), 2) / count(*) as prior_revenue
    from expected
    group by as_of_date

),

steps as (

    {% for step in range(10) %}
        select {{ step }} as silence_step
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

kinds as (

    select 0 as has_booked
    union all
    select 1 as has_booked

),

-- what users brought over what their rates and values let expect, shrunk to that of all ({{ prior_users }} users)
final as (

    select
        totals.as_of_date,
        kinds.has_booked,
        steps.silence_step,
        round(
            (coalesce(cells.revenue, 0) + totals.prior_revenue * totals.returned_share)
            / (coalesce(cells.expected_revenue, 0) + totals.prior_revenue), 9
        ) as returned_share
    from totals
    cross join kinds
    cross join steps
    left join cells
        on totals.as_of_date = cells.as_of_date
        and kinds.has_booked = cells.has_booked
        and steps.silence_step = cells.silence_step

)

select * from final
