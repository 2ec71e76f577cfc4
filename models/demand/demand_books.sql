{{ config(materialized='ephemeral') }}

with decision as (

    select * from {{ ref('demand_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

spine as (

    select * from {{ ref('demand_spine') }}

),

shares as (

    select * from {{ ref('demand_shares') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

property_books as (

    select
        spine.property_id,
        spine.check_in_date,
        spine.as_of_date,
        count(*) as on_books,
        count(bookings.cancelled_date) filter (where bookings.cancelled_date < spine.as_of_date) as cancelled_on_books
    from spine
    inner join bookings
        on spine.property_id = bookings.property_id
        and spine.check_in_date = bookings.check_in_date
        and spine.as_of_date > bookings.created_date
    group by spine.property_id, spine.check_in_date, spine.as_of_date

),

numbers as (

    select row_number() over (order by calendar_date) as number
    from {{ ref('stg_dates') }}

),

-- nights of longer stays, after the first, and the days before a stay, which leave so few nights until it
nights as (

    select
        bookings.property_id,
        bookings.check_in_date + cast(numbers.number as int) as night,
        bookings.created_date,
        bookings.cancelled_date,
        cast(null as int) as nights_to_stay
    from bookings
    inner join numbers
        on bookings.nights > numbers.number
        and numbers.number <= 60
    union all
    select
        bookings.property_id,
        bookings.check_in_date - cast(numbers.number as int) as night,
        bookings.created_date,
        bookings.cancelled_date,
        cast(numbers.number as int) as nights_to_stay
    from bookings
    inner join numbers on numbers.number <= 7

),

property_stays as (

    select
        spine.property_id,
        spine.check_in_date,
        spine.as_of_date,
        count(*) - count(nights.nights_to_stay) as stays_on_books,
        min(nights.nights_to_stay) as nights_to_next_stay
    from spine
    inner join nights
        on spine.property_id = nights.property_id
        and spine.check_in_date = nights.night
        and spine.as_of_date > nights.created_date
        and (nights.cancelled_date is null or nights.cancelled_date >= spine.as_of_date)
    group by spine.property_id, spine.check_in_date, spine.as_of_date

),

final as (

    select
        spine.property_id,
        spine.check_in_date,
        spine.as_of_date,
        coalesce(property_books.on_books, 0) as on_books,
        coalesce(property_books.cancelled_on_books, 0) as cancelled_on_books,
        coalesce(property_stays.stays_on_books, 0) as stays_on_books,
        property_stays.nights_to_next_stay,
        shares.share_to_come
    from spine
    inner join shares
        on spine.horizon_days = shares.horizon_days
        and cast({{ dbt.date_trunc('month', 'spine.as_of_date') }} as date) = shares.snapshot_month
    left join property_books
        on spine.property_id = property_books.property_id
        and spine.check_in_date = property_books.check_in_date
        and spine.as_of_date = property_books.as_of_date
    left join property_stays
        on spine.property_id = property_stays.property_id
        and spine.check_in_date = property_stays.check_in_date
        and spine.as_of_date = property_stays.as_of_date

)

select * from final
