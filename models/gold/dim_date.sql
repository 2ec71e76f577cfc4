with bookings as (

    select
        created_at,
        check_in_date
    from {{ ref('fact_booking_detail') }}

),

span as (

    select
        cast(min(created_at) as date) - 366 as first_day,
        max(check_in_date) + 731 as last_day
    from bookings
    -- a slip of the pen makes no calendar of centuries
    where
        created_at >= cast('1990-01-01' as date)
        and check_in_date < cast(created_at as date) + 800

),

digits as (

    select ten.digit from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as ten (digit)

),

numbers as (

    select 10000 * e.digit + 1000 * d.digit + 100 * c.digit + 10 * b.digit + a.digit as number
    from digits as a
    cross join digits as b
    cross join digits as c
    cross join digits as d
    cross join digits as e
    where e.digit < 2

),

days as (

    select span.first_day + numbers.number as date
    from span
    cross join numbers
    where span.first_day + numbers.number <= span.last_day

),

final as (

    select
        date,
        cast(extract(year from date) as int) as year,
        cast(extract(quarter from date) as int) as quarter,
        cast(extract(month from date) as int) as month,
        {{ name_of('extract(month from date)', ['January', 'February', 'March', 'April', 'May', 'June', 'July',
            'August', 'September', 'October', 'November', 'December']) }} as month_name,
        cast(extract(week from date) as int) as week_of_year,
        cast({{ iso_weekday('date') }} as int) as day_of_week,
        {{ name_of(iso_weekday('date'), ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']) }}
            as day_of_week_name,
        cast(extract(day from date) as int) as day_of_month,
        cast(extract(doy from date) as int) as day_of_year,
        {{ iso_weekday('date') }} in (6, 7) as is_weekend,
        cast(null as boolean) as is_holiday
    from days

)

select * from final
