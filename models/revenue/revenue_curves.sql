{{ config(materialized='ephemeral') }}

{% set horizon = 90 %}
{% set curve_bookings = 500 %}

with cutoffs as (

    select * from {{ ref('revenue_cutoffs') }}

),

calendar as (

    select calendar_date as forecast_date
    from {{ ref('stg_dates') }}

),

bookings as (

    select * from {{ ref('revenue_bookings') }}

),

arrived as (

    select * from {{ ref('revenue_arrived') }}

),

-- pick-up curve: the share of what arrived in the year before the cut-off that was on the books so many days ahead.
-- A booking is on the books from the day after it is made until it is cancelled, so its amount enters at one lead and
-- leaves at another.
leads as (

    {% for change, date, sign in [('created', 'created_date', ''), ('cancelled', 'cancelled_date', '-')] %}
        select
            cutoffs.cutoff_date as as_of_date,
            bookings.destination_id,
            least({{ dbt.datediff('bookings.' ~ date, 'bookings.check_in_date', 'day') }} - 1, {{ horizon }}) as lead_days,
            round(sum({{ sign }}bookings.amount), 2) as amount
        from cutoffs
        inner join bookings
            on cutoffs.cutoff_date > bookings.check_in_date
            and cutoffs.cutoff_date <= bookings.check_in_date + 365
            and bookings.check_in_date > bookings.{{ date }} + 1
        group by
            cutoffs.cutoff_date,
            bookings.destination_id,
            least({{ dbt.datediff('bookings.' ~ date, 'bookings.check_in_date', 'day') }} - 1, {{ horizon }})
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

numbers as (

    select row_number() over (order by forecast_date) as number
    from calendar

),

curves as (

    select
        arrived.as_of_date,
        arrived.destination_id,
        numbers.number as lead_days,
        min(arrived.arrived_revenue) as arrived_revenue,
        min(arrived.arrived_bookings) as arrived_bookings,
        round(coalesce(sum(leads.amount), 0), 2) as on_books_revenue
    from arrived
    inner join numbers on numbers.number <= {{ horizon }}
    left join leads
        on arrived.as_of_date = leads.as_of_date
        and arrived.destination_id = leads.destination_id
        and numbers.number <= leads.lead_days
    group by arrived.as_of_date, arrived.destination_id, numbers.number

),

total_curves as (

    select
        as_of_date,
        lead_days,
        round(sum(on_books_revenue), 2) / nullif(round(sum(arrived_revenue), 2), 0) as booked_share
    from curves
    group by as_of_date, lead_days

),

-- a destination's own curve counts as its bookings do against {{ curve_bookings }} of all destinations
final as (

    select
        'destination' as forecast_level,
        curves.as_of_date,
        curves.destination_id,
        curves.lead_days,
        (
            curves.arrived_bookings * coalesce(
                curves.on_books_revenue / nullif(curves.arrived_revenue, 0), total_curves.booked_share
            )
            + {{ curve_bookings }} * total_curves.booked_share
        ) / (curves.arrived_bookings + {{ curve_bookings }}) as booked_share
    from curves
    inner join total_curves
        on curves.as_of_date = total_curves.as_of_date
        and curves.lead_days = total_curves.lead_days
    union all
    select
        'total' as forecast_level,
        as_of_date,
        0 as destination_id,
        lead_days,
        booked_share
    from total_curves

)

select * from final
