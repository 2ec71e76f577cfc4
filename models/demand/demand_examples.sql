{% set prior_days = 60 %}

with decision as (

    select * from {{ ref('demand_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

destinations as (

    select * from {{ ref('stg_destinations') }}

),

calendar_features as (

    select * from {{ ref('calendar_features') }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

-- gold may begin long after a property was listed: days before it are no exposure
history as (

    select min(created_date) as first_booking_date
    from bookings

),

books as (

    select * from {{ ref('demand_books') }}

),

properties as (

    select * from {{ ref('demand_properties') }}

),

labels as (

    select
        property_id,
        check_in_date,
        count(*) as bookings
    from bookings
    group by property_id, check_in_date

),

destination_dates as (

    select distinct
        destination_id,
        check_in_date,
        as_of_date
    from properties

),

destination_lead_bookings as (

    select
        destination_id,
        check_in_date,
        created_date,
        count(*) as bookings
    from bookings
    group by destination_id, check_in_date, created_date

),

destination_books as (

    select
        destination_dates.destination_id,
        destination_dates.check_in_date,
        destination_dates.as_of_date,
        sum(destination_lead_bookings.bookings) as destination_on_books
    from destination_dates
    inner join destination_lead_bookings
        on destination_dates.destination_id = destination_lead_bookings.destination_id
        and destination_dates.check_in_date = destination_lead_bookings.check_in_date
        and destination_dates.as_of_date > destination_lead_bookings.created_date
    group by destination_dates.destination_id, destination_dates.check_in_date, destination_dates.as_of_date

),

-- the same week a year earlier: 364 days keep the weekday, and the newest day lies before any snapshot
week_offsets as (

    {% for days in range(-3, 4) %}
        select {{ days }} as week_offset
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

last_year as (

    select
        destination_lead_bookings.destination_id,
        destination_lead_bookings.check_in_date + cast(364 + week_offsets.week_offset as int) as check_in_date,
        sum(destination_lead_bookings.bookings) as destination_check_ins_last_year
    from destination_lead_bookings
    cross join week_offsets
    group by
        destination_lead_bookings.destination_id,
        destination_lead_bookings.check_in_date + cast(364 + week_offsets.week_offset as int)

),

joined as (

    select
        properties.*,
        calendar_features.weekday,
        calendar_features.month,
        calendar_features.day_of_year,
        calendar_features.is_holiday,
        calendar_features.days_to_next_holiday,
        calendar_features.days_since_last_holiday,
        books.on_books,
        books.cancelled_on_books,
        books.stays_on_books,
        books.nights_to_next_stay,
        books.share_to_come,
        coalesce(destination_books.destination_on_books, 0) as destination_on_books,
        coalesce(last_year.destination_check_ins_last_year, 0) as destination_check_ins_last_year,
        coalesce(labels.bookings, 0) as bookings,
        greatest(
            least(
                365,
                {{ dbt.datediff('greatest(properties.listed_date, history.first_booking_date)', 'properties.as_of_date', 'day') }}
            ), 0
        ) as exposure_days,
        -- a destination's listing days within the trailing year, at most
        greatest(
            least(
                properties.destination_listing_days,
                properties.destination_listing_count
                * least(365, {{ dbt.datediff('history.first_booking_date', 'properties.as_of_date', 'day') }})
            ), 1
        ) as destination_exposure_days
    from properties
    cross join history
    left join destinations on properties.destination_id = destinations.destination_id
    left join calendar_features
        on destinations.country = calendar_features.country
        and properties.check_in_date = calendar_features.calendar_date
    inner join books
        on properties.property_id = books.property_id
        and properties.check_in_date = books.check_in_date
        and properties.as_of_date = books.as_of_date
    left join destination_books
        on properties.destination_id = destination_books.destination_id
        and properties.check_in_date = destination_books.check_in_date
        and properties.as_of_date = destination_books.as_of_date
    left join last_year
        on properties.destination_id = last_year.destination_id
        and properties.check_in_date = last_year.check_in_date
    left join labels
        on properties.property_id = labels.property_id
        and properties.check_in_date = labels.check_in_date

),

rated as (

    select
        *,
        (coalesce(destination_check_ins_365d, 0) + 0.5) / destination_exposure_days as destination_rate,
        (
            7.0 * (1 + coalesce(
                case weekday
                    {% for day in range(1, 8) %}
                        when {{ day }} then destination_check_ins_weekday_{{ day }}_365d
                    {% endfor %}
                end, 0
            ))
        ) / (7 + coalesce(destination_check_ins_365d, 0)) as destination_weekday_factor
    from joined

),

final as (

    select
        property_id,
        check_in_date,
        as_of_date,
        split,
        check_in_date + 1 as label_known_date,
        destination_id,
        case when split <> 'score' then cast(bookings as double) end as bookings,

        -- gamma-Poisson: a prior of {{ prior_days }} days at the destination's rate
        (coalesce(check_ins_365d, 0) + {{ prior_days }} * destination_rate)
        / (exposure_days + {{ prior_days }})
        * destination_weekday_factor as baseline_bookings,
        cast(on_books as double) as on_books,
        -- the rule: what is known, and the part of the rate that usually still comes
        on_books + baseline_bookings * share_to_come as rule_bookings,

        horizon_days,
        cast(weekday as double) as weekday,
        cast(month as double) as month,
        cast(day_of_year as double) as day_of_year,
        cast(is_holiday as double) as is_holiday,
        cast(days_to_next_holiday as double) as days_to_next_holiday,
        cast(days_since_last_holiday as double) as days_since_last_holiday,
        property_type,
        base_price,
        max_guests,
        bedrooms,
        bathrooms,
        base_price / nullif(market_price, 0) as price_to_market,
        price_to_usual,
        cast({{ dbt.datediff('listed_date', 'as_of_date', 'day') }} as double) as listing_age_days,
        cast({{ dbt.datediff('last_booking_date', 'as_of_date', 'day') }} as double) as days_since_last_booking,
        host_rating,
        host_property_count,
        bookings_7d,
        bookings_30d,
        bookings_90d,
        bookings_365d,
        check_ins_30d,
        check_ins_90d,
        check_ins_365d,
        cancellations_365d,
        nights_365d,
        average_booking_value_365d,
        views_7d,
        views_30d,
        view_to_booking_rate_30d,
        cast(cancelled_on_books as double) as cancelled_on_books,
        cast(stays_on_books as double) as stays_on_books,
        cast(nights_to_next_stay as double) as nights_to_next_stay,
        365 * cast(destination_on_books as double) / nullif(destination_check_ins_365d, 0) as destination_on_books_ratio,
        365e0 / 7 * cast(destination_check_ins_last_year as double) / nullif(destination_check_ins_365d, 0)
            as destination_last_year_ratio,
        365e0 / 7 * destination_check_ins_7d / nullif(destination_check_ins_365d, 0) as destination_check_ins_7d_ratio,
        365e0 / 30 * destination_check_ins_30d / nullif(destination_check_ins_365d, 0) as destination_check_ins_30d_ratio,
        365e0 / 90 * destination_check_ins_90d / nullif(destination_check_ins_365d, 0) as destination_check_ins_90d_ratio,
        365e0 / 30 * destination_bookings_30d / nullif(destination_bookings_365d, 0) as destination_bookings_30d_ratio,
        365e0 / 21 * market_check_ins_last_year / nullif(market_check_ins_365d, 0) as market_last_year_ratio,
        365e0 / 30 * market_check_ins_30d / nullif(market_check_ins_365d, 0) as market_check_ins_30d_ratio,
        365e0 / 90 * market_check_ins_90d / nullif(market_check_ins_365d, 0) as market_check_ins_90d_ratio,
        destination_rate,
        destination_weekday_factor
    from rated
    where destination_id is not null

)

select * from final
