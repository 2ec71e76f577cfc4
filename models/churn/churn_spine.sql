{{ config(materialized='ephemeral') }}

{% set label_days = 180 %}
{% set active_days = 365 %}
{% set prior_users = 20 %}
{% set recency_days = [15, 30, 60, 90, 135, 180, 270] %}
{% set frequencies = [2, 3, 5, 8] %}
{# half a year before a snapshot, and one and two months before that #}
{% set lags = [label_days, label_days + 30, label_days + 60] %}

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

-- and those of which it is known by each snapshot what became of the users of then
earlier_moments as (

    {% for lag in lags %}
        select
            as_of_date,
            as_of_date - {{ lag }} as moment,
            {{ lag }} as lag_days
        from snapshots
        {{ 'union' if not loop.last }}
    {% endfor %}

),

moments as (

    select as_of_date as moment
    from snapshots
    union
    select moment
    from earlier_moments

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
        end as frequency,
        -- and in the finer steps of the rule
        {% for days in recency_days %}
            case when booked.last_booking_date >= booked.moment - {{ days }} then 0 else 1 end{{ ' +' if not loop.last }}
        {% endfor %}
            as recency_step,
        {% for bookings in frequencies %}
            case when booked.bookings >= {{ bookings }} then 1 else 0 end{{ ' +' if not loop.last }}
        {% endfor %}
            as frequency_step
    from booked
    inner join users
        on booked.user_id = users.user_id
        and booked.moment >= users.known_from
        and booked.moment <= users.known_until
    where booked.kept_bookings > 0

),

-- what became of those active then, by recency and frequency: in steps, and half a year earlier alone, in words
became as (

    select
        earlier_moments.as_of_date,
        earlier_moments.lag_days,
        active.recency,
        active.frequency,
        active.recency_step,
        active.frequency_step,
        active.churned
    from earlier_moments
    inner join active on earlier_moments.moment = active.moment

),

steps as (

    select
        as_of_date,
        recency_step,
        frequency_step,
        count(*) as users,
        sum(churned) as churned
    from became
    group by as_of_date, recency_step, frequency_step

),

totals as (

    select
        as_of_date,
        (sum(churned) + 0.5e0) / (sum(users) + 1) as churn_rate
    from steps
    group by as_of_date

),

cells as (

    select
        as_of_date,
        recency,
        frequency,
        count(*) as users,
        sum(churned) as churned
    from became
    where lag_days = {{ label_days }}
    group by as_of_date, recency, frequency

),

cell_totals as (

    select
        as_of_date,
        (sum(churned) + 0.5e0) / (sum(users) + 1) as churn_rate
    from cells
    group by as_of_date

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
        (coalesce(steps.churned, 0) + {{ prior_users }} * totals.churn_rate)
        / (coalesce(steps.users, 0) + {{ prior_users }}) as baseline_probability,
        (coalesce(cells.churned, 0) + {{ prior_users }} * cell_totals.churn_rate)
        / (coalesce(cells.users, 0) + {{ prior_users }}) as naive_probability
    from eligible
    left join totals on eligible.as_of_date = totals.as_of_date
    left join steps
        on eligible.as_of_date = steps.as_of_date
        and eligible.recency_step = steps.recency_step
        and eligible.frequency_step = steps.frequency_step
    left join cell_totals on eligible.as_of_date = cell_totals.as_of_date
    left join cells
        on eligible.as_of_date = cells.as_of_date
        and eligible.recency = cells.recency
        and eligible.frequency = cells.frequency
    where {{ is_sampled(['eligible.user_id', day_number('eligible.as_of_date')], salt=21, most='eligible.row_limit', rows='eligible.eligible_rows') }}

)

select * from final
