{{ config(materialized='ephemeral') }}

{% set prior_stays = 10 %}

with decision as (

    select * from {{ ref('pricing_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

spine as (

    select * from {{ ref('pricing_spine') }}

),

snapshots as (

    select * from {{ ref('pricing_snapshots') }}

),

bookings as (

    select
        property_id,
        created_date,
        cancelled_date,
        cast({{ dbt.date_trunc('month', 'check_in_date') }} as date) as stay_month,
        {{ dbt.datediff('check_in_date', 'check_out_date', 'day') }} as nights
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

leads as (

    {% for lead in range(pricing_months()) %}
        select {{ lead }} as lead_months
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- those that were still to come at a month's own snapshot: made late, they are shorter, and cancelled less often
late_months as (

    select
        bookings.property_id,
        bookings.stay_month,
        leads.lead_months,
        count(*) as bookings,
        sum(case when bookings.cancelled_date < {{ months_from('bookings.stay_month', 1) }} then 0 else bookings.nights end)
            as kept_nights
    from bookings
    cross join leads
    inner join snapshots
        on {{ months_from('bookings.stay_month', '(-leads.lead_months - 1)') }} = snapshots.month_before
        and bookings.created_date >= snapshots.as_of_date
        and bookings.created_date < {{ months_from('bookings.stay_month', 1) }}
    group by bookings.property_id, bookings.stay_month, leads.lead_months

),

wanted as (

    select distinct
        property_id,
        property_type,
        as_of_date,
        lead_months,
        cast({{ dbt.date_trunc('month', 'as_of_date') }} as date) as this_month
    from spine

),

-- over the twelve stay months that had ended at the snapshot
own as (

    select
        wanted.property_id,
        wanted.property_type,
        wanted.as_of_date,
        wanted.lead_months,
        coalesce(sum(late_months.bookings), 0) as bookings,
        coalesce(sum(late_months.kept_nights), 0) as kept_nights
    from wanted
    left join late_months
        on wanted.property_id = late_months.property_id
        and wanted.lead_months = late_months.lead_months
        and wanted.this_month > late_months.stay_month
        and {{ months_from('wanted.this_month', -12) }} <= late_months.stay_month
    group by wanted.property_id, wanted.property_type, wanted.as_of_date, wanted.lead_months

),

typical as (

    select
        *,
        cast(sum(kept_nights) over type_snapshot as double) / nullif(sum(bookings) over type_snapshot, 0) as type_nights
    from own
    window type_snapshot as (partition by as_of_date, lead_months, property_type)

),

final as (

    select
        property_id,
        as_of_date,
        lead_months,
        (kept_nights + {{ prior_stays }} * coalesce(type_nights, 2)) / (bookings + {{ prior_stays }}) as expected_nights
    from typical

)

select * from final
