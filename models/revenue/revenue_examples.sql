{% set horizon = 90 %}
{% set warm_up = 90 %}
{% set curve_bookings = 100 %}
{% set season_bookings = 200 %}

with calendar_features as (

    select * from {{ ref('calendar_features') }}

),

bookings as (

    select * from {{ ref('revenue_bookings') }}

),

spine as (

    select * from {{ ref('revenue_spine') }}

),

levels as (

    select * from {{ ref('revenue_levels') }}

),

booked_shares as (

    select * from {{ ref('revenue_curves') }}

),

seasons as (

    select * from {{ ref('revenue_seasons') }}

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
    left join {{ ref('revenue_arrived') }} as arrived
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
-- times last year's season where there is one, times the weekday's factor. The rule takes the destination's own level and
-- season, the model one towards those of all destinations, where its own bookings are few
seasonal as (

    select
        series_rows.*,
        now_levels.level_28,
        (coalesce(weekdays.weekday_count * weekdays.weekday_level, 0) + 4 * now_levels.level_364)
        / nullif((coalesce(weekdays.weekday_count, 0) + 4) * now_levels.level_364, 0) as weekday_factor,
        case
            when year_ago_levels.level_days = 56 and year_ago_levels.level_28 > 0
                then {{ bounded_ratio('now_levels.level_28', 'year_ago_levels.level_28') }}
        end as trend_28,
        case
            when year_ago_levels.level_days = 56 and year_ago_levels.level_56 > 0
                then now_levels.level_56 * {{ bounded_ratio('coalesce(year_ago.season_level, 0)', 'year_ago_levels.level_56') }}
            else now_levels.level_28
        end as season_level,
        case
            when year_ago_levels.level_days = 56 and year_ago_levels.level_56 > 0
                then
                    now_levels.pooled_level * {{ pooled(
                        bounded_ratio('year_ago.season_level_43', 'year_ago_levels.level_56'),
                        bounded_ratio('year_ago.total_season_level', 'year_ago_levels.total_level_56'),
                        'year_ago_levels.bookings_56', season_bookings
                    ) }}
            else now_levels.level_28
        end as pooled_level,
        year_ago.arrived_revenue as year_ago_revenue
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
        coalesce(season_level * weekday_factor, 0) as rule_revenue,
        coalesce(pooled_level * weekday_factor, 0) as expected_revenue
    from seasonal

),

-- the pick-up curve of last year's season, where there was one; that of the whole year counts as {{ curve_bookings }} bookings
shared as (

    select
        expected.*,
        coalesce(
            (seasons.arrived_bookings * seasons.booked_share + {{ curve_bookings }} * booked_shares.booked_share)
            / (seasons.arrived_bookings + {{ curve_bookings }}),
            booked_shares.booked_share, 0
        ) as booked_share
    from expected
    left join booked_shares
        on expected.forecast_level = booked_shares.forecast_level
        and expected.as_of_date = booked_shares.as_of_date
        and expected.destination_id = booked_shares.destination_id
        and expected.lead_days = booked_shares.lead_days
    left join seasons
        on expected.forecast_level = seasons.forecast_level
        and expected.destination_id = seasons.destination_id
        and cast({{ dbt.date_trunc('month', 'expected.forecast_date - 364') }} as date) = seasons.month_start
        and expected.lead_days = seasons.lead_days

),

-- the pick-up estimate adds to what is on the books what usually still comes; `pick_up` is how far the books are ahead
picked_up as (

    select
        forecast_level,
        destination_id,
        forecast_date,
        as_of_date,
        split,
        forecast_date + 1 as label_known_date,
        horizon_days,
        lead_days,
        case when split <> 'score' or horizon_days < 0 then revenue end as revenue,
        case
            when horizon_days > 0 then coalesce(year_ago_revenue * trend_28, level_28 * weekday_factor, 0)
        end as naive_revenue,
        on_books_revenue,
        booked_share,
        on_books_revenue + (1 - booked_share) * rule_revenue as rule_revenue,
        on_books_revenue + (1 - booked_share) * expected_revenue as pick_up_revenue,
        case
            -- a ratio to next to nothing says little: bounded
            when expected_revenue > 0
                then greatest(least(on_books_revenue / expected_revenue, 4) - booked_share, -1)
            else 0
        end as pick_up,
        is_holiday,
        is_holiday_eve,
        is_long_weekend,
        first_date
    from shared

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
        -- the rule; of the total the sum of its destinations, each with a curve and a season of its own
        case
            when horizon_days > 0 and forecast_level = 'destination' then greatest(rule_revenue, 0)
            when horizon_days > 0
                then round(
                    sum(case when forecast_level = 'destination' then greatest(rule_revenue, 0) end)
                        over (partition by as_of_date, forecast_date), 2
                )
        end as baseline_revenue,
        naive_revenue,
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
