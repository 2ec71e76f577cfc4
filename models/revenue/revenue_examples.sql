{% set horizon = 90 %}
{% set warm_up = 90 %}
{% set curve_bookings = 500 %}

with decision as (

    select * from {{ ref('revenue_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

-- cut-offs of the backtest only when a fit is due
cutoffs as (

    select
        splits.split,
        splits.cutoff_date,
        splits.as_of_date
    from {{ ref('revenue_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

),

calendar as (

    select calendar_date as forecast_date
    from {{ ref('stg_dates') }}

),

calendar_features as (

    select * from {{ ref('calendar_features') }}

),

bookings as (

    select
        destination_id,
        check_in_date,
        created_date,
        cancelled_date,
        cast(amount as double) as amount
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

destinations as (

    select
        bookings.destination_id,
        places.country,
        min(bookings.check_in_date) as first_date
    from bookings
    left join {{ ref('stg_destinations') }} as places on bookings.destination_id = places.destination_id
    group by bookings.destination_id, places.country

),

-- revenue as it stood at the end of the check-in day: known from the next morning on, and never revised. Sums are
-- rounded to cents, so that the order of summing leaves no trace in the fits
arrivals as (

    select
        destination_id,
        check_in_date,
        round(sum(amount), 2) as revenue,
        count(*) as bookings
    from bookings
    where
        created_date <= check_in_date
        and (cancelled_date is null or cancelled_date > check_in_date)
    group by destination_id, check_in_date

),

destination_days as (

    select
        destinations.destination_id,
        calendar.forecast_date,
        coalesce(arrivals.revenue, 0) as arrived_revenue,
        coalesce(arrivals.bookings, 0) as arrived_bookings
    from destinations
    inner join calendar
        on destinations.first_date <= calendar.forecast_date
        and calendar.forecast_date <= (select max(cutoff_date) from cutoffs)
    left join arrivals
        on destinations.destination_id = arrivals.destination_id
        and calendar.forecast_date = arrivals.check_in_date

),

-- the total is a series like the others, with destination 0
series_days as (

    select
        'destination' as forecast_level,
        destination_id,
        forecast_date,
        arrived_revenue
    from destination_days
    union all
    select
        'total' as forecast_level,
        0 as destination_id,
        forecast_date,
        round(sum(arrived_revenue), 2) as arrived_revenue
    from destination_days
    group by forecast_date

),

-- level and weekdays of a series, from the days before a date (same weekday: that date included)
levels as (

    select
        forecast_level,
        destination_id,
        forecast_date,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 28 preceding and 1 preceding
        ) as level_28,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 56 preceding and 1 preceding
        ) as level_56,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 364 preceding and 1 preceding
        ) as level_364,
        count(*) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 56 preceding and 1 preceding
        ) as level_days,
        -- three weeks around the date
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 10 preceding and 10 following
        ) as season_level,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id, {{ iso_weekday('forecast_date') }} order by forecast_date
            rows between 51 preceding and current row
        ) as weekday_level,
        count(*) over (
            partition by forecast_level, destination_id, {{ iso_weekday('forecast_date') }} order by forecast_date
            rows between 51 preceding and current row
        ) as weekday_count,
        arrived_revenue
    from series_days

),

-- one row for each day of history, seen from one snapshot 1 to {{ horizon }} days before it, and for each day ahead
spine as (

    select
        cutoffs.split,
        cutoffs.cutoff_date as as_of_date,
        destinations.destination_id,
        destinations.country,
        destinations.first_date,
        calendar.forecast_date,
        cast({{ dbt.datediff('cutoffs.cutoff_date', 'calendar.forecast_date', 'day') }} as int) as horizon_days,
        case
            when calendar.forecast_date > cutoffs.cutoff_date
                then cast({{ dbt.datediff('cutoffs.cutoff_date', 'calendar.forecast_date', 'day') }} as int)
            else 1 + cast(floor({{ horizon }} * {{ hash_fraction([day_number('calendar.forecast_date')], salt=3) }}) as int)
        end as lead_days,
        -- labels of history are those known at the cut-off, labels of the future those known now
        case when calendar.forecast_date > cutoffs.cutoff_date then cutoffs.as_of_date else cutoffs.cutoff_date end
            as label_as_of
    from cutoffs
    inner join destinations on cutoffs.cutoff_date > destinations.first_date
    inner join calendar
        on destinations.first_date <= calendar.forecast_date
        and cutoffs.cutoff_date + {{ horizon }} >= calendar.forecast_date
        and cutoffs.cutoff_date <> calendar.forecast_date

),

booked as (

    select
        spine.as_of_date,
        spine.destination_id,
        spine.forecast_date,
        sum(bookings.amount) filter (
            where
            bookings.created_date < spine.label_as_of
            and (bookings.cancelled_date is null or bookings.cancelled_date >= spine.label_as_of)
        ) as revenue,
        sum(bookings.amount) filter (
            where
            bookings.created_date < spine.forecast_date - spine.lead_days
            and (
                bookings.cancelled_date is null
                or bookings.cancelled_date >= spine.forecast_date - spine.lead_days
            )
        ) as on_books_revenue
    from spine
    inner join bookings
        on spine.destination_id = bookings.destination_id
        and spine.forecast_date = bookings.check_in_date
    group by spine.as_of_date, spine.destination_id, spine.forecast_date

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

arrived as (

    select
        cutoffs.cutoff_date as as_of_date,
        destination_days.destination_id,
        round(sum(destination_days.arrived_revenue), 2) as arrived_revenue,
        sum(destination_days.arrived_bookings) as arrived_bookings
    from cutoffs
    inner join destination_days
        on cutoffs.cutoff_date > destination_days.forecast_date
        and cutoffs.cutoff_date <= destination_days.forecast_date + 365
    group by cutoffs.cutoff_date, destination_days.destination_id

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
booked_shares as (

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

),

destination_rows as (

    select
        spine.split,
        spine.as_of_date,
        spine.destination_id,
        spine.first_date,
        spine.forecast_date,
        spine.horizon_days,
        spine.lead_days,
        round(coalesce(booked.revenue, 0), 2) as revenue,
        round(coalesce(booked.on_books_revenue, 0), 2) as on_books_revenue,
        coalesce(calendar_features.is_holiday, 0) as is_holiday,
        coalesce(calendar_features.is_holiday_eve, 0) as is_holiday_eve,
        coalesce(calendar_features.is_long_weekend, 0) as is_long_weekend,
        coalesce(arrived.arrived_revenue, 0) as weight
    from spine
    left join booked
        on spine.as_of_date = booked.as_of_date
        and spine.destination_id = booked.destination_id
        and spine.forecast_date = booked.forecast_date
    left join arrived
        on spine.as_of_date = arrived.as_of_date
        and spine.destination_id = arrived.destination_id
    left join calendar_features
        on spine.country = calendar_features.country
        and spine.forecast_date = calendar_features.calendar_date

),

series_rows as (

    select
        'destination' as forecast_level,
        split,
        as_of_date,
        destination_id,
        first_date,
        forecast_date,
        horizon_days,
        lead_days,
        revenue,
        on_books_revenue,
        is_holiday,
        is_holiday_eve,
        is_long_weekend
    from destination_rows
    union all
    select
        'total' as forecast_level,
        min(split) as split,
        as_of_date,
        0 as destination_id,
        min(first_date) as first_date,
        forecast_date,
        min(horizon_days) as horizon_days,
        min(lead_days) as lead_days,
        round(sum(revenue), 2) as revenue,
        round(sum(on_books_revenue), 2) as on_books_revenue,
        {% for flag in ['is_holiday', 'is_holiday_eve', 'is_long_weekend'] %}
            -- the share of revenue whose country has the day off
            coalesce(
                round(sum({{ flag }} * weight), 2) / nullif(round(sum(weight), 2), 0), avg({{ flag }})
            ) as {{ flag }}{{ ',' if not loop.last }}
        {% endfor %}
    from destination_rows
    group by as_of_date, forecast_date

),

-- what one would expect of the day at its snapshot without bookings on the books: the level of the last eight weeks,
-- times last year's season where there is one, times the weekday's factor
seasonal as (

    select
        series_rows.*,
        now_levels.level_28,
        now_levels.level_364,
        (coalesce(weekdays.weekday_count * weekdays.weekday_level, 0) + 4 * now_levels.level_364)
        / nullif((coalesce(weekdays.weekday_count, 0) + 4) * now_levels.level_364, 0) as weekday_factor,
        case
            when year_ago_levels.level_days = 56 and year_ago_levels.level_28 > 0
                then greatest(least(now_levels.level_28 / year_ago_levels.level_28, 3), 1e0 / 3)
        end as trend_28,
        case
            when year_ago_levels.level_days = 56 and year_ago_levels.level_56 > 0
                then
                    now_levels.level_56
                    * greatest(least(coalesce(year_ago.season_level, 0) / year_ago_levels.level_56, 3), 1e0 / 3)
            else now_levels.level_28
        end as season_level,
        year_ago.arrived_revenue as year_ago_revenue,
        weekdays.weekday_level
    from series_rows
    left join levels as now_levels
        on series_rows.forecast_level = now_levels.forecast_level
        and series_rows.destination_id = now_levels.destination_id
        and series_rows.forecast_date - series_rows.lead_days = now_levels.forecast_date
    left join levels as year_ago_levels
        on series_rows.forecast_level = year_ago_levels.forecast_level
        and series_rows.destination_id = year_ago_levels.destination_id
        and series_rows.forecast_date - series_rows.lead_days - 364 = year_ago_levels.forecast_date
    left join levels as year_ago
        on series_rows.forecast_level = year_ago.forecast_level
        and series_rows.destination_id = year_ago.destination_id
        and series_rows.forecast_date - 364 = year_ago.forecast_date
    -- the newest day with the same weekday before the snapshot
    left join levels as weekdays
        on series_rows.forecast_level = weekdays.forecast_level
        and series_rows.destination_id = weekdays.destination_id
        and series_rows.forecast_date - 7 * (cast(floor(series_rows.lead_days / 7e0) as int) + 1) = weekdays.forecast_date

),

expected as (

    select
        *,
        coalesce(season_level * weekday_factor, 0) as expected_revenue
    from seasonal

),

-- the pick-up estimate adds to what is on the books what usually still comes; `pick_up` is how far the books are ahead
picked_up as (

    select
        expected.forecast_level,
        expected.destination_id,
        expected.forecast_date,
        expected.as_of_date,
        expected.split,
        expected.forecast_date + 1 as label_known_date,
        expected.horizon_days,
        expected.lead_days,
        case when expected.split <> 'score' or expected.horizon_days < 0 then expected.revenue end as revenue,
        case
            when expected.horizon_days > 0
                then coalesce(
                    expected.year_ago_revenue * expected.trend_28, expected.level_28 * expected.weekday_factor, 0
                )
        end as baseline_revenue,
        expected.on_books_revenue,
        coalesce(booked_shares.booked_share, 0) as booked_share,
        expected.on_books_revenue + (1 - coalesce(booked_shares.booked_share, 0)) * expected.expected_revenue as pick_up_revenue,
        case
            -- a ratio to next to nothing says little: bounded
            when expected.expected_revenue > 0
                then greatest(
                    least(expected.on_books_revenue / expected.expected_revenue, 4) - coalesce(booked_shares.booked_share, 0), -1
                )
            else 0
        end as pick_up,
        expected.is_holiday,
        expected.is_holiday_eve,
        expected.is_long_weekend,
        expected.first_date
    from expected
    left join booked_shares
        on expected.forecast_level = booked_shares.forecast_level
        and expected.as_of_date = booked_shares.as_of_date
        and expected.destination_id = booked_shares.destination_id
        and expected.lead_days = booked_shares.lead_days

),

final as (

    select
        forecast_level,
        destination_id,
        forecast_date,
        as_of_date,
        split,
        label_known_date,
        horizon_days,
        lead_days,
        cast({{ dbt.datediff('first_date', 'as_of_date', 'day') }} as int) as history_days,
        revenue,
        baseline_revenue,
        on_books_revenue,
        booked_share,
        greatest(pick_up_revenue, 0) as pick_up_revenue,
        {% for band, first, last in [('near', 1, 14), ('middle', 15, 45), ('far', 46, horizon)] %}
            case when lead_days between {{ first }} and {{ last }} then pick_up else 0 end as pick_up_{{ band }},
        {% endfor %}
        is_holiday,
        is_holiday_eve,
        is_long_weekend
    from picked_up
    -- the first days of a series only fill its pick-up curve and levels
    where horizon_days > 0 or forecast_date >= first_date + {{ warm_up }}

)

select * from final
