{{ config(materialized='ephemeral') }}

{% set horizon = 90 %}
{% set month_of_arrival = 'cast(' ~ dbt.date_trunc('month', 'bookings.check_in_date') ~ ' as date)' %}

with bookings as (

    select * from {{ ref('revenue_bookings') }}

),

destination_days as (

    select * from {{ ref('revenue_days') }}

),

-- as in revenue_curves: an amount is on the books from one lead on, and leaves them at another
leads as (

    {% for change, sign in [('created', ''), ('cancelled', '-')] %}
        {% set lead_days %}least({{ dbt.datediff('bookings.' ~ change ~ '_date', 'bookings.check_in_date', 'day') }} - 1, {{ horizon }}){% endset %}
        select
            bookings.destination_id,
            {{ month_of_arrival }} as month_start,
            {{ lead_days }} as lead_days,
            round(sum({{ sign }}bookings.amount), 2) as amount
        from bookings
        where
            bookings.check_in_date > bookings.{{ change }}_date + 1
            and bookings.check_in_date < (select max(cutoff_date) from {{ ref('revenue_cutoffs') }})
        group by
            bookings.destination_id,
            {{ month_of_arrival }},
            {{ lead_days }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

months as (

    select
        destination_id,
        cast({{ dbt.date_trunc('month', 'forecast_date') }} as date) as month_start,
        round(sum(arrived_revenue), 2) as arrived_revenue,
        sum(arrived_bookings) as arrived_bookings
    from destination_days
    group by destination_id, cast({{ dbt.date_trunc('month', 'forecast_date') }} as date)

),

numbers as (

    select row_number() over (order by calendar_date) as number
    from {{ ref('stg_dates') }}

),

-- the month, with the one before and the one after it
seasons as (

    select
        middle.destination_id,
        middle.month_start,
        neighbours.month_start as neighbour_start,
        neighbours.arrived_revenue,
        neighbours.arrived_bookings
    from months as middle
    inner join months as neighbours
        on middle.destination_id = neighbours.destination_id
        and middle.month_start <= neighbours.month_start + 31
        and middle.month_start >= neighbours.month_start - 31

),

season_sums as (

    select
        destination_id,
        month_start,
        round(sum(arrived_revenue), 2) as arrived_revenue,
        sum(arrived_bookings) as arrived_bookings
    from seasons
    group by destination_id, month_start

),

season_leads as (

    select
        seasons.destination_id,
        seasons.month_start,
        leads.lead_days,
        round(sum(leads.amount), 2) as amount
    from seasons
    inner join leads
        on seasons.destination_id = leads.destination_id
        and seasons.neighbour_start = leads.month_start
    group by seasons.destination_id, seasons.month_start, leads.lead_days

),

curves as (

    select
        season_sums.destination_id,
        season_sums.month_start,
        numbers.number as lead_days,
        season_sums.arrived_revenue,
        season_sums.arrived_bookings,
        round(
            sum(coalesce(season_leads.amount, 0)) over (
                partition by season_sums.destination_id, season_sums.month_start order by numbers.number desc
                rows between unbounded preceding and current row
            ), 2
        ) as on_books_revenue
    from season_sums
    inner join numbers on numbers.number <= {{ horizon }}
    left join season_leads
        on season_sums.destination_id = season_leads.destination_id
        and season_sums.month_start = season_leads.month_start
        and numbers.number = season_leads.lead_days

),

final as (

    select
        'destination' as forecast_level,
        destination_id,
        month_start,
        lead_days,
        arrived_bookings,
        on_books_revenue / nullif(arrived_revenue, 0) as booked_share
    from curves
    union all
    select
        'total' as forecast_level,
        0 as destination_id,
        month_start,
        lead_days,
        sum(arrived_bookings) as arrived_bookings,
        round(sum(on_books_revenue), 2) / nullif(round(sum(arrived_revenue), 2), 0) as booked_share
    from curves
    group by month_start, lead_days

)

select * from final
