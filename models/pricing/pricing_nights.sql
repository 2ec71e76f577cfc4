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
        check_in_date,
        check_out_date,
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

-- stays that begin while another one goes on
arrivals as (

    select
        property_id,
        check_in_date,
        case
            when check_in_date < max(check_out_date) over (
                partition by property_id
                order by check_in_date
                rows between unbounded preceding and 1 preceding
            ) then 1
            else 0
        end as shares_a_night
    from bookings
    where cancelled_date is null or cancelled_date > check_in_date

),

wanted_properties as (

    select distinct
        property_id,
        as_of_date
    from wanted

),

-- one in ten of the year before: fewer are slips
shared as (

    select
        wanted_properties.property_id,
        wanted_properties.as_of_date,
        10 * sum(arrivals.shares_a_night) > count(*) as takes_several
    from wanted_properties
    inner join arrivals
        on wanted_properties.property_id = arrivals.property_id
        and wanted_properties.as_of_date > arrivals.check_in_date
        and wanted_properties.as_of_date - 365 <= arrivals.check_in_date
    group by wanted_properties.property_id, wanted_properties.as_of_date

),

final as (

    select
        typical.property_id,
        typical.as_of_date,
        typical.lead_months,
        (typical.kept_nights + {{ prior_stays }} * coalesce(typical.type_nights, 2)) / (typical.bookings + {{ prior_stays }})
            as expected_nights,
        coalesce(shared.takes_several, false) as takes_several
    from typical
    left join shared
        on typical.property_id = shared.property_id
        and typical.as_of_date = shared.as_of_date

)

select * from final
