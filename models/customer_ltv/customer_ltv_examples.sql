{% set label_days = product_customer_ltv().truth_days %}
{% set least_history_days = 180 %}

with decision as (

    select * from {{ ref('customer_ltv_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

spine as (

    select * from {{ ref('customer_ltv_spine') }}

),

snapshots as (

    select distinct
        as_of_date,
        label_known_date,
        history_days
    from spine

),

user_features as (

    select * from {{ ref('user_features') }}

),

users as (

    select
        user_id,
        min(feature_date) as known_from
    from user_features
    group by user_id

),

user_returns as (

    select * from {{ ref('customer_ltv_returns') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

featured as (

    {{ as_of_join('spine', ref('user_features'), ['user_id'], 'as_of_date', 'feature_date', [
        'country', 'user_type', 'signed_up_date', 'first_booking_date', 'last_booking_date',
        'bookings_90d', 'bookings_365d', 'bookings_ever', 'nights_90d', 'nights_365d', 'nights_ever', 'spend_90d',
        'spend_365d', 'spend_ever', 'average_booking_value_90d', 'average_booking_value_365d',
        'average_booking_value_ever', 'cancelled_spend_365d', 'cancelled_spend_ever', 'cancellation_rate_365d',
        'cancellation_rate_ever', 'mean_gap_days', 'destinations_ever', 'mean_lead_days', 'weekend_share',
    ], wanted='spine') }}

),

-- a booking that is cancelled after its label became known stays in the label
labels as (

    select
        snapshots.as_of_date,
        bookings.user_id,
        cast(sum(bookings.amount) as double) as revenue
    from snapshots
    inner join bookings
        on snapshots.as_of_date <= bookings.created_date
        and snapshots.label_known_date > bookings.created_date
    where bookings.cancelled_date is null or bookings.cancelled_date >= snapshots.label_known_date
    group by snapshots.as_of_date, bookings.user_id

),

-- what each user spent in the year before the snapshot and in the one before that, as known at the snapshot
spent as (

    select
        snapshots.as_of_date,
        bookings.user_id,
        coalesce(
            sum(bookings.amount) filter (where bookings.created_date >= snapshots.as_of_date - {{ label_days }}), 0
        ) as trailing_spend,
        coalesce(
            sum(bookings.amount) filter (where bookings.created_date < snapshots.as_of_date - {{ label_days }}), 0
        ) as earlier_spend
    from snapshots
    inner join bookings
        on snapshots.as_of_date > bookings.created_date
        and snapshots.as_of_date <= bookings.created_date + {{ 2 * label_days }}
    where bookings.cancelled_date is null or bookings.cancelled_date >= snapshots.as_of_date
    group by snapshots.as_of_date, bookings.user_id

),

-- how much of a year's spend came back in the next, and what others brought; the earlier year may be known in part
spent_by_all as (

    select
        snapshots.as_of_date,
        max(least({{ label_days }}, snapshots.history_days - {{ label_days }})) / {{ label_days }}e0 as known_share_of_year,
        cast(coalesce(sum(spent.earlier_spend), 0) as double) as earlier_spend,
        cast(coalesce(sum(spent.trailing_spend) filter (where spent.earlier_spend > 0), 0) as double) as returned_spend,
        cast(
            coalesce(sum(spent.trailing_spend) filter (where coalesce(spent.earlier_spend, 0) <= 0), 0) as double
        ) as spend_of_others,
        count(*) filter (where coalesce(spent.earlier_spend, 0) <= 0) as others
    from snapshots
    inner join users on snapshots.as_of_date - {{ label_days }} >= users.known_from
    left join spent
        on snapshots.as_of_date = spent.as_of_date
        and users.user_id = spent.user_id
    where snapshots.history_days >= {{ label_days + least_history_days }}
    group by snapshots.as_of_date

),

retention as (

    select
        as_of_date,
        returned_spend / nullif(earlier_spend, 0) * known_share_of_year as retained_share,
        spend_of_others / nullif(others, 0) as revenue_of_others
    from spent_by_all

),

platform as (

    select
        snapshots.as_of_date,
        cast(sum(bookings.amount) as double) / count(*) as booking_value
    from snapshots
    inner join bookings on snapshots.as_of_date > bookings.created_date
    group by snapshots.as_of_date

),

joined as (

    select
        featured.*,
        coalesce(labels.revenue, 0) as revenue,
        case
            when retention.retained_share is null or retention.revenue_of_others is null then null
            when spent.trailing_spend > 0 then cast(spent.trailing_spend as double) * greatest(retention.retained_share, 0.01)
            else greatest(retention.revenue_of_others, 0.01)
        end as naive_revenue,
        platform.booking_value
    from featured
    left join labels
        on featured.user_id = labels.user_id
        and featured.as_of_date = labels.as_of_date
    left join spent
        on featured.user_id = spent.user_id
        and featured.as_of_date = spent.as_of_date
    left join retention on featured.as_of_date = retention.as_of_date
    left join platform on featured.as_of_date = platform.as_of_date

),

evident as (

    {{ customer_evidence('joined', 'as_of_date') }}

),

ruled as (

    select
        evident.*,
        evident.shrunk_yearly_bookings * evident.shrunk_booking_value * user_returns.returned_share as rule_revenue
    from evident
    left join user_returns
        on evident.as_of_date = user_returns.as_of_date
        and case when evident.bookings_ever > 0 then 1 else 0 end = user_returns.has_booked
        and {{ silence_step('evident.silence') }} = user_returns.silence_step

),

final as (

    select
        user_id,
        as_of_date,
        split,
        label_known_date,
        cast(floor(20 * {{ hash_fraction(['user_id'], salt=13) }}) as int) as user_group,
        case
            when bookings_ever = 0 then 'never booked'
            when bookings_365d = 0 then 'lapsed'
            {{ band_cases('bookings_365d', product_customer_ltv().bands.activity.bands) }}
        end as activity,
        case when split not in ('score', 'reference') then cast(revenue as double) end as revenue,
        case when rule_revenue is not null then greatest(rule_revenue, 0.01e0) end as baseline_revenue,
        cast(naive_revenue as double) as naive_revenue,

        cast({{ day_number('as_of_date') }} as double) / 30 as snapshot_months,
        shrunk_yearly_bookings,
        shrunk_booking_value,
        silence,
        case when bookings_ever > 0 then 1e0 else 0e0 end as has_booked,

        country,
        user_type,
        tenure_days,
        observed_days,
        days_since_last_booking,
        days_since_first_booking,
        days_since_last_booking / observed_days as recency_share,
        mean_gap_days,
        days_since_last_booking / nullif(mean_gap_days, 0) as gaps_since_last_booking,
        bookings_90d,
        bookings_365d,
        bookings_ever,
        365 * bookings_365d / least(observed_days, 365) as yearly_bookings_365d,
        365 * bookings_ever / observed_days as yearly_bookings,
        365 * spend_365d / least(observed_days, 365) as yearly_spend_365d,
        365 * spend_ever / observed_days as yearly_spend,
        nights_365d,
        nights_ever / nullif(bookings_ever, 0) as mean_nights,
        spend_90d,
        spend_365d,
        spend_ever,
        average_booking_value_365d,
        average_booking_value_ever,
        cancelled_spend_ever / nullif(spend_ever, 0) as cancelled_spend_share,
        cancellation_rate_365d,
        cancellation_rate_ever,
        destinations_ever,
        mean_lead_days,
        weekend_share
    from ruled

)

select * from final
