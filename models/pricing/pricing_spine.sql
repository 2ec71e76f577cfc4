{{ config(materialized='ephemeral') }}

{% set prior_bookings = 2 %}

-- where nothing is to be scored, no fact is read
with clock as (

    select as_of_date
    from {{ ref('pricing_retraining') }}
    where score_due

),

splits as (

    {{ due_splits('pricing', var('pricing_training_rows'), var('pricing_evaluation_rows')) }}

),

numbers as (

    select row_number() over (order by calendar_date) - 1 as number
    from {{ ref('stg_dates') }}

),

snapshots as (

    select * from {{ ref('pricing_snapshots') }}

),

offers as (

    select * from {{ ref('pricing_markets') }}

),

bookings as (

    select *
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

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

eligible as (

    select
        offers.property_id,
        offers.destination_id,
        offers.property_type,
        offers.market_id,
        offers.as_of_date,
        {{ months_from('snapshots.month_before', 'numbers.number') }} as stay_month,
        {{ months_from('snapshots.month_before', 'numbers.number + 1') }} as label_known_date,
        numbers.number - 1 as lead_months,
        offers.base_price as current_price,
        offers.market_price,
        offers.market_price_index,
        offers.market_listings,
        property_levels.booking_level,
        property_levels.usual_bookings,
        property_levels.price_so_far
    from offers
    inner join property_levels
        on offers.property_id = property_levels.property_id
        and offers.as_of_date = property_levels.as_of_date
    inner join snapshots on offers.as_of_date = snapshots.as_of_date
    inner join numbers on numbers.number between 1 and {{ pricing_months() }}

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
final as (

    select *
    from split_rows
    where {{ is_sampled(['property_id'], salt=3, most='row_limit', rows='eligible_rows') }}

)

select * from final
