with dates as (

    select * from {{ ref('stg_dates') }}

),

countries as (

    select distinct country
    from {{ ref('stg_destinations') }}

),

holidays as (

    select
        country,
        holiday_date,
        {{ iso_weekday('holiday_date') }} as weekday,
        -{{ day_number('holiday_date') }} as reversed_day
    from {{ ref('holidays') }}

),

-- reversed days turn the search for the next holiday into an as-of join, which looks back
calendar as (

    select
        countries.country,
        dates.calendar_date,
        {{ iso_weekday('dates.calendar_date') }} as weekday,
        -{{ day_number('dates.calendar_date') }} as reversed_day
    from dates
    cross join countries

),

-- the free days that a holiday on a Friday or Monday joins to its weekend
offsets as (

    select 0 as days
    union all
    select 1 as days
    union all
    select 2 as days

),

long_weekends as (

    select distinct
        holidays.country,
        case
            when holidays.weekday = 5 then holidays.holiday_date + offsets.days
            else holidays.holiday_date - offsets.days
        end as calendar_date
    from holidays
    cross join offsets
    where holidays.weekday in (1, 5)

),

since as (

    {{ as_of_join(
        'calendar', 'holidays', ['country'], 'calendar_date', 'holiday_date', {'holiday_date': 'last_holiday'}
    ) }}

),

until as (

    {{ as_of_join(
        'since', 'holidays', ['country'], 'reversed_day', 'reversed_day', {'holiday_date': 'next_holiday'}
    ) }}

),

distances as (

    select
        country,
        calendar_date,
        weekday,
        {{ dbt.datediff('calendar_date', 'next_holiday', 'day') }} as days_to_next_holiday,
        {{ dbt.datediff('last_holiday', 'calendar_date', 'day') }} as days_since_last_holiday
    from until

),

final as (

    select
        distances.country,
        distances.calendar_date,

        cast(distances.weekday as double) as weekday,
        cast(extract(month from distances.calendar_date) as double) as month,
        cast(extract(doy from distances.calendar_date) as double) as day_of_year,

        cast(case when distances.days_to_next_holiday = 0 then 1 else 0 end as double) as is_holiday,
        cast(case when eve.holiday_date is not null then 1 else 0 end as double) as is_holiday_eve,
        cast(case when long_weekends.calendar_date is not null then 1 else 0 end as double) as is_long_weekend,
        cast(least(coalesce(distances.days_to_next_holiday, 30), 30) as double) as days_to_next_holiday,
        cast(least(coalesce(distances.days_since_last_holiday, 30), 30) as double) as days_since_last_holiday
    from distances
    left join holidays as eve
        on distances.country = eve.country
        and distances.calendar_date + 1 = eve.holiday_date
    left join long_weekends
        on distances.country = long_weekends.country
        and distances.calendar_date = long_weekends.calendar_date

)

select * from final
