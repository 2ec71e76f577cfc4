{{ config(materialized='ephemeral') }}

-- what was asked and booked from the snapshot to the end of the stay month: known afterwards, so for history alone
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

    select *
    from {{ ref('pricing_spine') }}
    where split <> 'score'

),

asked as (

    select * from {{ ref('pricing_prices') }}

),

bookings as (

    select
        property_id,
        created_date,
        cast({{ dbt.date_trunc('month', 'check_in_date') }} as date) as stay_month
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

-- each day of the selling window counts alike
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
    group by spine.property_id, spine.stay_month, spine.as_of_date

),

counted as (

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
    group by spine.property_id, spine.stay_month, spine.as_of_date

),

final as (

    select
        spine.property_id,
        spine.stay_month,
        spine.as_of_date,
        asked_prices.price,
        coalesce(counted.bookings, 0) as bookings
    from spine
    left join asked_prices
        on spine.property_id = asked_prices.property_id
        and spine.stay_month = asked_prices.stay_month
        and spine.as_of_date = asked_prices.as_of_date
    left join counted
        on spine.property_id = counted.property_id
        and spine.stay_month = counted.stay_month
        and spine.as_of_date = counted.as_of_date

)

select * from final
