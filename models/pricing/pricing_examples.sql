{% set levels = pricing_levels() %}
{% set prior_days = 60 %}
{% set least_destinations = 8 %}

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

asked as (

    select * from {{ ref('pricing_prices') }}

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

months as (

    select distinct
        destination_id,
        as_of_date
    from spine

),

spine_properties as (

    {{ as_of_join('spine', ref('property_features'), ['property_id'], 'as_of_date', 'feature_date', [
        'host_id', 'max_guests', 'bedrooms', 'bathrooms', 'bookings_30d', 'bookings_90d', 'bookings_365d', 'views_30d',
        'listed_date',
    ], wanted='own_snapshots') }}

),

-- listings and rating of the host move where nothing of the property does
spine_hosts as (

    {{ as_of_join(
        'spine_properties', ref('host_features'), ['host_id'], 'as_of_date', 'feature_date',
        ['host_rating', 'host_property_count'], wanted='spine_properties'
    ) }}

),

spine_destinations as (

    {{ as_of_join('spine_hosts', ref('destination_features'), ['destination_id'], 'as_of_date', 'feature_date', [
        'destination_listing_count', 'destination_listing_days', 'destination_bookings_30d', 'destination_bookings_90d',
        'destination_bookings_365d',
    ], wanted='months') }}

),

joined as (

    select
        spine.*,
        coalesce(labels.price, spine.current_price) as price,
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
        nights.expected_nights,
        nights.takes_several
    from spine_destinations as spine
    cross join history
    left join own_prices
        on spine.property_id = own_prices.property_id
        and spine.as_of_date = own_prices.as_of_date
    left join {{ ref('pricing_labels') }} as labels
        on spine.property_id = labels.property_id
        and spine.stay_month = labels.stay_month
        and spine.as_of_date = labels.as_of_date
    left join property_books
        on spine.property_id = property_books.property_id
        and spine.stay_month = property_books.stay_month
        and spine.as_of_date = property_books.as_of_date
    left join {{ ref('pricing_demand') }} as destination_books
        on spine.destination_id = destination_books.destination_id
        and spine.stay_month = destination_books.stay_month
        and spine.as_of_date = destination_books.as_of_date
    left join {{ ref('pricing_nights') }} as nights
        on spine.property_id = nights.property_id
        and spine.lead_months = nights.lead_months
        and spine.as_of_date = nights.as_of_date

),

rated as (

    select
        *,
        -- gamma-Poisson: a prior of {{ prior_days }} days at the destination's rate
        (coalesce(bookings_365d, 0) + {{ prior_days }} * (coalesce(destination_bookings_365d, 0) + 0.5) / destination_exposure_days)
        / (exposure_days + {{ prior_days }}) as booking_rate,
        (coalesce(destination_bookings_365d, 0) + 0.5) / destination_exposure_days as destination_rate
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

places as (

    select count(distinct destination_id) as destinations
    from spine

),

-- whole units, never beyond the level; the price itself where no whole unit lies between
leveled as (

    select
        rated.*,
        places.destinations,
        levels.price_level,
        case
            when levels.price_level > 0 then greatest(floor(rated.price * (1 + levels.price_level)), rated.price)
            when levels.price_level < 0 then least(ceiling(rated.price * (1 + levels.price_level)), rated.price)
            else rated.price
        end as asked_price
    from rated
    cross join places
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
        -- a destination's properties share its shocks; where there are too few for blocks, groups of properties have to do
        case
            when destinations >= {{ least_destinations }}
                then cast(floor(1000 * {{ hash_fraction(['destination_id'], salt=4) }}) as int)
            else cast(floor(40 * {{ hash_fraction(['property_id'], salt=4) }}) as int)
        end as property_block,
        cast(lead_months as int) as lead_months,

        cast(market_id as double) as market_id,
        cast((12 * extract(year from stay_month) + extract(month from stay_month)) * 8 + lead_months as double)
            as selling_window,
        asked_price / market_price as price_to_market,
        -- where stays share nights nobody knows how many find room
        case when takes_several then 1e0 else greatest(1 - nights_on_books / month_days, 1 / month_days) end as free_share,
        case when takes_several then 0e0 else expected_nights / month_days end as booking_share,
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
