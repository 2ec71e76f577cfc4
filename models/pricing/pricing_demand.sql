{{ config(materialized='ephemeral') }}

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

bookings as (

    select
        property_id,
        destination_id,
        check_in_date,
        check_out_date,
        created_date,
        cancelled_date,
        cast({{ dbt.date_trunc('month', 'check_in_date') }} as date) as stay_month
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

months as (

    select distinct
        destination_id,
        stay_month,
        as_of_date,
        {{ months_from('stay_month', -12) }} as last_year_month,
        {{ months_from('as_of_date', -12) }} as last_year_snapshot
    from spine

),

booked_days as (

    select
        destination_id,
        stay_month,
        created_date,
        count(*) as bookings
    from bookings
    group by destination_id, stay_month, created_date

),

final as (

    select
        months.destination_id,
        months.stay_month,
        months.as_of_date,
        sum(case when booked.stay_month = months.stay_month then booked.bookings else 0 end)
            as destination_on_books,
        sum(
            case
                when booked.stay_month < months.stay_month
                    and booked.created_date < months.last_year_snapshot
                    then booked.bookings
                else 0
            end
        ) as destination_on_books_last_year,
        sum(case when booked.stay_month < months.stay_month then booked.bookings else 0 end)
            as destination_bookings_last_year
    from months
    inner join booked_days as booked
        on months.destination_id = booked.destination_id
        and booked.stay_month in (months.stay_month, months.last_year_month)
        and months.as_of_date > booked.created_date
    group by months.destination_id, months.stay_month, months.as_of_date

)

select * from final
