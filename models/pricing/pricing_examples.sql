{% set levels = pricing_levels() %}
{% set prior_days = 60 %}
{% set prior_stays = 10 %}
{% set prior_bookings = 2 %}

with decision as (

    select * from {{ ref('pricing_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

splits as (

    select
        splits.*,
        case splits.split
            when 'train' then {{ var('pricing_training_rows') }}
            when 'score' then null
            else {{ var('pricing_evaluation_rows') }}
        end as row_limit
    from {{ ref('pricing_splits') }} as splits
    cross join decision
    -- training and evaluation rows only when a fit is due
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

),

versions as (

    select * from {{ ref('property_versions') }}

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

history as (

    select min(created_date) as first_booking_date
    from bookings

),

numbers as (

    select row_number() over (order by calendar_date) - 1 as number
    from {{ ref('stg_dates') }}

),

-- whole months before the point in time: training rows are as far from their stay month as those to score
snapshots as (

    select
        {{ months_from('clock.as_of_date', '(-numbers.number)') }} as as_of_date,
        cast({{ dbt.date_trunc('month', months_from('clock.as_of_date', '(-numbers.number)') ~ ' - 1') }} as date) as month_before
    from clock
    inner join numbers on numbers.number < 240
    cross join history
    where {{ months_from('clock.as_of_date', '(-numbers.number)') }} > history.first_booking_date + 30

),

asked as (

    select
        versions.property_id,
        versions.destination_id,
        versions.property_type,
        versions.base_price,
        versions.bedrooms,
        versions.known_from,
        -- a price holds from the day before it is known
        versions.known_from - 1 as asked_from,
        coalesce(
            lead(versions.known_from) over (partition by versions.property_id order by versions.known_from) - 1,
            cast('9999-12-31' as date)
        ) as asked_until
    from versions
    where versions.base_price > 0

),

-- markets: what comparable properties ask, same destination, type and size

markets as (

    select
        destination_id,
        property_type,
        property_id as market_id
    from (
        select
            destination_id,
            property_type,
            property_id,
            row_number() over (partition by destination_id, property_type order by known_from, property_id) as seniority
        from asked
    ) as ranked
    where seniority = 1

),

offers as (

    select
        snapshots.as_of_date,
        asked.property_id,
        asked.destination_id,
        asked.property_type,
        asked.base_price,
        coalesce(asked.bedrooms, 0) as size,
        ln(asked.base_price) as log_price,
        {{ exact_mean(
            'ln(asked.base_price)',
            'over (partition by snapshots.as_of_date, asked.destination_id, asked.property_type)'
        ) }} as market_log_price
    from snapshots
    inner join asked
        on snapshots.as_of_date > asked.asked_from
        and snapshots.as_of_date <= asked.asked_until

),

sizes as (

    select
        as_of_date,
        size,
        {{ exact_mean('log_price - market_log_price') }} as size_effect
    from offers
    group by as_of_date, size

),

market_months as (

    select
        offers.as_of_date,
        offers.destination_id,
        offers.property_type,
        count(*) as market_listings,
        {{ exact_mean('offers.log_price - sizes.size_effect') }} as log_level
    from offers
    inner join sizes
        on offers.as_of_date = sizes.as_of_date
        and offers.size = sizes.size
    group by offers.as_of_date, offers.destination_id, offers.property_type

),

-- the mean of a year, so that the yardstick does not move with season and demand as prices do
market_levels as (

    select
        *,
        avg(log_level) over (
            partition by destination_id, property_type
            order by as_of_date
            rows between 11 preceding and current row
        ) as log_level_365d
    from market_months

),

-- how much more a property is booked than its destination, over all its history (gamma-Poisson)

booked_between as (

    select
        bookings.property_id,
        snapshots.as_of_date,
        count(*) as bookings
    from bookings
    inner join snapshots
        on bookings.created_date >= {{ months_from('snapshots.as_of_date', -1) }}
        and bookings.created_date < snapshots.as_of_date
    group by bookings.property_id, snapshots.as_of_date

),

counted as (

    select
        offers.property_id,
        offers.destination_id,
        offers.as_of_date,
        offers.base_price,
        coalesce(booked_between.bookings, 0) as bookings,
        avg(cast(coalesce(booked_between.bookings, 0) as double)) over (
            partition by offers.destination_id, offers.as_of_date
        ) as usual_bookings
    from offers
    left join booked_between
        on offers.property_id = booked_between.property_id
        and offers.as_of_date = booked_between.as_of_date

),

property_levels as (

    select
        property_id,
        as_of_date,
        (sum(bookings) over so_far + {{ prior_bookings }}) / (sum(usual_bookings) over so_far + {{ prior_bookings }}) as booking_level,
        sum(usual_bookings) over so_far as usual_bookings,
        avg(base_price) over so_far as price_so_far
    from counted
    window
        so_far as (
            partition by property_id
            order by as_of_date
            rows between unbounded preceding and current row
        )

),

-- rows: property, stay month and snapshot

eligible as (

    select
        offers.property_id,
        offers.destination_id,
        offers.property_type,
        markets.market_id,
        offers.as_of_date,
        {{ months_from('snapshots.month_before', 'numbers.number') }} as stay_month,
        {{ months_from('snapshots.month_before', 'numbers.number + 1') }} as label_known_date,
        numbers.number - 1 as lead_months,
        offers.base_price as current_price,
        exp(market_levels.log_level_365d + sizes.size_effect) as market_price,
        exp(market_levels.log_level - market_levels.log_level_365d) as market_price_index,
        market_levels.market_listings,
        property_levels.booking_level,
        property_levels.usual_bookings,
        property_levels.price_so_far
    from offers
    inner join property_levels
        on offers.property_id = property_levels.property_id
        and offers.as_of_date = property_levels.as_of_date
    inner join snapshots on offers.as_of_date = snapshots.as_of_date
    inner join numbers on numbers.number between 1 and {{ pricing_months() }}
    inner join markets
        on offers.destination_id = markets.destination_id
        and offers.property_type = markets.property_type
    inner join market_levels
        on offers.as_of_date = market_levels.as_of_date
        and offers.destination_id = market_levels.destination_id
        and offers.property_type = market_levels.property_type
    inner join sizes
        on offers.as_of_date = sizes.as_of_date
        and offers.size = sizes.size

),

split_rows as (

    select
        eligible.*,
        splits.split,
        splits.row_limit,
        count(*) over (partition by splits.split) as eligible_rows
    from eligible
    inner join splits
        on eligible.stay_month >= splits.first_stay_month
        and eligible.stay_month <= splits.last_stay_month
        and (splits.split <> 'score' or eligible.as_of_date = splits.as_of_date)

),

-- whole properties are sampled: the model compares a property with itself
spine as (

    select *
    from split_rows
    where {{ is_sampled(['property_id'], salt=3, most='row_limit', rows='eligible_rows') }}

),

-- the price asked over the selling window, each day counting alike; known only afterwards, so for history alone
asked_prices as (

    select
        spine.property_id,
        spine.stay_month,
        spine.as_of_date,
        {{ mean_asked_price('spine.as_of_date', 'spine.label_known_date') }} as price
    from spine
    inner join asked
        on spine.property_id = asked.property_id
        and spine.label_known_date > asked.asked_from
        and spine.as_of_date < asked.asked_until
    where spine.split <> 'score'
    group by spine.property_id, spine.stay_month, spine.as_of_date

),

-- what the property itself asked over the year before the snapshot
own_snapshots as (

    select distinct
        property_id,
        as_of_date
    from spine

),

own_prices as (

    select
        own_snapshots.property_id,
        own_snapshots.as_of_date,
        {{ mean_asked_price('own_snapshots.as_of_date - 365', 'own_snapshots.as_of_date') }} as price_365d
    from own_snapshots
    inner join asked
        on own_snapshots.property_id = asked.property_id
        and own_snapshots.as_of_date > asked.asked_from
        and own_snapshots.as_of_date - 365 < asked.asked_until
    group by own_snapshots.property_id, own_snapshots.as_of_date

),

-- bookings: those to come are the label, those on the books are known

labels as (

    select
        spine.property_id,
        spine.stay_month,
        spine.as_of_date,
        count(*) as bookings
    from spine
    inner join bookings
        on spine.property_id = bookings.property_id
        and spine.stay_month = bookings.stay_month
        and spine.as_of_date <= bookings.created_date
    where spine.split <> 'score'
    group by spine.property_id, spine.stay_month, spine.as_of_date

),

property_books as (

    select
        spine.property_id,
        spine.stay_month,
        spine.as_of_date,
        count(*) filter (where bookings.stay_month = spine.stay_month) as on_books,
        sum(
            {{ dbt.datediff('greatest(bookings.check_in_date, spine.stay_month)', 'least(bookings.check_out_date, spine.label_known_date)', 'day') }}
        ) as nights_on_books
    from spine
    inner join bookings
        on spine.property_id = bookings.property_id
        and spine.as_of_date > bookings.created_date
        and spine.label_known_date > bookings.check_in_date
        and spine.stay_month < bookings.check_out_date
        and (bookings.cancelled_date is null or bookings.cancelled_date >= spine.as_of_date)
    group by spine.property_id, spine.stay_month, spine.as_of_date

),

-- demand index: bookings of the destination for the month so far, and a year earlier

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

destination_books as (

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

),

spine_properties as (

    {{ as_of_join('spine', ref('property_features'), ['property_id'], 'as_of_date', 'feature_date', [
        'max_guests', 'bedrooms', 'bathrooms', 'host_rating', 'host_property_count', 'bookings_30d', 'bookings_90d',
        'bookings_365d', 'nights_365d', 'views_30d', 'listed_date',
    ], wanted='own_snapshots') }}

),

spine_destinations as (

    {{ as_of_join('spine_properties', ref('destination_features'), ['destination_id'], 'as_of_date', 'feature_date', [
        'destination_listing_count', 'destination_listing_days', 'destination_bookings_30d', 'destination_bookings_90d',
        'destination_bookings_365d',
    ], wanted='months') }}

),

joined as (

    select
        spine.*,
        coalesce(asked_prices.price, spine.current_price) as price,
        own_prices.price_365d,
        coalesce(labels.bookings, 0) as bookings,
        coalesce(property_books.on_books, 0) as on_books,
        coalesce(property_books.nights_on_books, 0) as nights_on_books,
        destination_books.destination_on_books,
        destination_books.destination_on_books_last_year,
        destination_books.destination_bookings_last_year,
        cast({{ dbt.datediff('spine.stay_month', 'spine.label_known_date', 'day') }} as double) as month_days,
        cast({{ dbt.datediff('spine.as_of_date', 'spine.stay_month', 'day') }} as double) as lead_days,
        greatest(
            least(365, {{ dbt.datediff('greatest(spine.listed_date, history.first_booking_date)', 'spine.as_of_date', 'day') }}), 0
        ) as exposure_days,
        -- a destination's listing days within the trailing year, at most
        greatest(
            least(
                spine.destination_listing_days,
                spine.destination_listing_count
                * least(365, {{ dbt.datediff('history.first_booking_date', 'spine.as_of_date', 'day') }})
            ), 1
        ) as destination_exposure_days,
        sum(spine.nights_365d) over type_snapshot / nullif(sum(spine.bookings_365d) over type_snapshot, 0) as type_nights
    from spine_destinations as spine
    cross join history
    left join asked_prices
        on spine.property_id = asked_prices.property_id
        and spine.stay_month = asked_prices.stay_month
        and spine.as_of_date = asked_prices.as_of_date
    left join own_prices
        on spine.property_id = own_prices.property_id
        and spine.as_of_date = own_prices.as_of_date
    left join labels
        on spine.property_id = labels.property_id
        and spine.stay_month = labels.stay_month
        and spine.as_of_date = labels.as_of_date
    left join property_books
        on spine.property_id = property_books.property_id
        and spine.stay_month = property_books.stay_month
        and spine.as_of_date = property_books.as_of_date
    left join destination_books
        on spine.destination_id = destination_books.destination_id
        and spine.stay_month = destination_books.stay_month
        and spine.as_of_date = destination_books.as_of_date
    window type_snapshot as (partition by spine.as_of_date, spine.property_type)

),

rated as (

    select
        *,
        -- gamma-Poisson: a prior of {{ prior_days }} days at the destination's rate
        (coalesce(bookings_365d, 0) + {{ prior_days }} * (coalesce(destination_bookings_365d, 0) + 0.5) / destination_exposure_days)
        / (exposure_days + {{ prior_days }}) as booking_rate,
        (coalesce(destination_bookings_365d, 0) + 0.5) / destination_exposure_days as destination_rate,
        (coalesce(nights_365d, 0) + {{ prior_stays }} * coalesce(type_nights, 3))
        / (coalesce(bookings_365d, 0) + {{ prior_stays }}) as expected_nights
    from joined

),

levels as (

    {% for level in levels %}
        select
            cast({{ level }} as double) / 100 as price_level,
            {{ 'true' if level else 'false' }} as is_change
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- whole units, never beyond the level
leveled as (

    select
        rated.*,
        levels.price_level,
        case
            when levels.price_level > 0 then floor(rated.price * (1 + levels.price_level))
            when levels.price_level < 0 then ceiling(rated.price * (1 + levels.price_level))
            else rated.price
        end as asked_price
    from rated
    inner join levels on rated.split = 'score' or not levels.is_change

),

final as (

    select
        property_id,
        stay_month,
        as_of_date,
        price_level,
        split,
        label_known_date,
        destination_id,
        case when split <> 'score' then cast(bookings as double) end as bookings,

        -- the property's rate, times what its destination still took in the same months a year earlier
        booking_rate / destination_rate * case
            when destination_bookings_last_year > destination_on_books_last_year
                then cast(destination_bookings_last_year - destination_on_books_last_year as double) / destination_listing_count
            else destination_rate * month_days / 2
        end as baseline_bookings,
        current_price,
        cast(asked_price as double) as asked_price,
        market_price,
        expected_nights,
        cast(floor(40 * {{ hash_fraction(['property_id'], salt=4) }}) as int) as property_block,
        cast(lead_months as int) as lead_months,

        cast(market_id as double) as market_id,
        cast((12 * extract(year from stay_month) + extract(month from stay_month)) * 8 + lead_months as double)
            as selling_window,
        asked_price / market_price as price_to_market,
        greatest(1 - nights_on_books / month_days, 1 / month_days) as free_share,
        booking_level,
        price_so_far / market_price as price_so_far_to_market,

        usual_bookings,
        booking_rate,
        cast(on_books as double) as on_books,
        bookings_30d,
        bookings_90d,
        bookings_365d,
        cast(exposure_days as double) as exposure_days,
        views_30d,
        price_365d / market_price as price_365d_to_market,

        lead_days,
        cast(extract(month from stay_month) as double) as month,
        market_price_index,
        cast(market_listings as double) as market_listings,
        max_guests,
        bedrooms,
        bathrooms,
        host_rating,
        host_property_count,
        destination_rate,
        cast(destination_on_books as double) / nullif(destination_listing_count, 0) as destination_on_books_per_listing,
        cast(destination_on_books as double) / nullif(destination_on_books_last_year, 0) as destination_on_books_to_last_year,
        cast(destination_bookings_last_year as double) / nullif(destination_listing_count, 0)
            as destination_bookings_last_year_per_listing,
        365e0 / 30 * destination_bookings_30d / nullif(destination_bookings_365d, 0) as destination_bookings_30d_ratio,
        365e0 / 90 * destination_bookings_90d / nullif(destination_bookings_365d, 0) as destination_bookings_90d_ratio,
        cast(destination_id as double) as destination,
        property_type
    from leveled

)

select * from final
