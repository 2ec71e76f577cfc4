{{ config(materialized='ephemeral') }}

{% set label_days = 180 %}
{% set active_days = 365 %}
{% set prior_users = 20 %}

-- where nothing is to be scored, no fact is read
with clock as (

    select as_of_date
    from {{ ref('churn_retraining') }}
    where score_due

),

splits as (

    {{ due_splits('churn', var('churn_training_rows'), var('churn_evaluation_rows')) }}

),

snapshots as (

    select
        split,
        snapshot_date as as_of_date,
        label_known_date,
        {{ dbt.datediff('first_booking_date', 'snapshot_date', 'day') }} as history_days,
        row_limit
    from splits

),

users as (

    {{ known_users() }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

-- and half a year before each snapshot, for what became of the users of then is known now
moments as (

    select as_of_date as moment
    from snapshots
    union
    select as_of_date - {{ label_days }} as moment
    from snapshots

),

booked as (

    select
        moments.moment,
        bookings.user_id,
        count(*) filter (
            where
            bookings.created_date < moments.moment
            and (bookings.cancelled_date is null or bookings.cancelled_date >= moments.moment)
        ) as kept_bookings,
        max(case when bookings.created_date < moments.moment then bookings.created_date end) as last_booking_date,
        count(*) filter (where bookings.created_date < moments.moment) as bookings,
        count(*) filter (where bookings.created_date >= moments.moment) as later_bookings
    from moments
    inner join bookings
        on moments.moment <= bookings.created_date + {{ active_days }}
        and moments.moment > bookings.created_date - {{ label_days }}
    group by moments.moment, bookings.user_id

),

active as (

    select
        booked.moment,
        booked.user_id,
        case when booked.later_bookings = 0 then 1 else 0 end as churned,
        case
            when booked.last_booking_date >= booked.moment - 30 then 'last 30 days'
            when booked.last_booking_date >= booked.moment - 90 then '31 to 90 days'
            when booked.last_booking_date >= booked.moment - 180 then '91 to 180 days'
            else '181 to 365 days'
        end as recency,
        case
            when booked.bookings = 1 then '1 booking'
            when booked.bookings = 2 then '2 bookings'
            when booked.bookings <= 4 then '3-4 bookings'
            else '5+ bookings'
        end as frequency
    from booked
    inner join users
        on booked.user_id = users.user_id
        and booked.moment >= users.known_from
        and booked.moment <= users.known_until
    where booked.kept_bookings > 0

),

-- what became of those active half a year earlier, by recency and frequency
cells as (

    select
        moment,
        recency,
        frequency,
        count(*) as users,
        sum(churned) as churned
    from active
    group by moment, recency, frequency

),

totals as (

    select
        moment,
        (sum(churned) + 0.5e0) / (sum(users) + 1) as churn_rate
    from cells
    group by moment

),

eligible as (

    select
        active.*,
        snapshots.split,
        snapshots.as_of_date,
        snapshots.label_known_date,
        snapshots.history_days,
        snapshots.row_limit,
        count(*) over (partition by snapshots.split) as eligible_rows
    from snapshots
    inner join active on snapshots.as_of_date = active.moment

),

final as (

    select
        eligible.user_id,
        eligible.as_of_date,
        eligible.label_known_date,
        eligible.split,
        eligible.history_days,
        eligible.churned,
        eligible.recency,
        eligible.frequency,
        -- beta-binomial: a prior of {{ prior_users }} users at the rate of all
        (coalesce(cells.churned, 0) + {{ prior_users }} * totals.churn_rate)
        / (coalesce(cells.users, 0) + {{ prior_users }}) as baseline_probability
    from eligible
    left join totals on eligible.as_of_date - {{ label_days }} = totals.moment
    left join cells
        on eligible.as_of_date - {{ label_days }} = cells.moment
        and eligible.recency = cells.recency
        and eligible.frequency = cells.frequency
    where {{ is_sampled(['eligible.user_id', day_number('eligible.as_of_date')], salt=21, most='eligible.row_limit', rows='eligible.eligible_rows') }}

)

select * from final
