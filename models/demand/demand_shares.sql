{{ config(materialized='ephemeral') }}

{% set longest = 90 %}

with clock as (

    select as_of_date
    from {{ ref('demand_retraining') }}
    where score_due

),

spine as (

    select * from {{ ref('demand_spine') }}

),

-- where nothing is to be scored, no fact is read
bookings as (

    select
        cast({{ dbt.date_trunc('month', 'check_in_date') }} as date) as month_start,
        least(greatest({{ dbt.datediff('created_date', 'check_in_date', 'day') }}, 0), {{ longest + 1 }}) as lead_days
    from {{ ref('stg_bookings') }}
    where check_in_date < (select as_of_date from clock)

),

arrivals as (

    select
        month_start,
        lead_days,
        count(*) as bookings
    from bookings
    group by month_start, lead_days

),

snapshot_months as (

    select distinct cast({{ dbt.date_trunc('month', 'as_of_date') }} as date) as snapshot_month
    from spine

),

horizons as (

    select distinct horizon_days
    from spine

),

-- the twelve whole months before that of the snapshot: who arrived then is known at every snapshot of the month
leads as (

    select
        snapshot_months.snapshot_month,
        arrivals.lead_days,
        sum(arrivals.bookings) as bookings
    from snapshot_months
    inner join arrivals
        on snapshot_months.snapshot_month > arrivals.month_start
        and snapshot_months.snapshot_month <= arrivals.month_start + 366
    group by snapshot_months.snapshot_month, arrivals.lead_days

),

-- what is booked on the day of the snapshot or later is still to come; one booking more keeps the share above 0
final as (

    select
        snapshot_months.snapshot_month,
        horizons.horizon_days,
        (coalesce(sum(leads.bookings) filter (where leads.lead_days <= horizons.horizon_days), 0) + 1e0)
        / (coalesce(sum(leads.bookings), 0) + 1) as share_to_come
    from snapshot_months
    cross join horizons
    left join leads on snapshot_months.snapshot_month = leads.snapshot_month
    group by snapshot_months.snapshot_month, horizons.horizon_days

)

select * from final
