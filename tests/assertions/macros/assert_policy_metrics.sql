-- The doubly robust lift by trying every price: those that hosts ask scatter by 0.2 around 1, and the policy moves each to
-- the level with the largest revenue. Two rows are seen at prices of 1 and exp(0.2). Three bookings where the model expected two
-- raise its expectation to 13 / 12, with the 10 that hold it back.
with example_rows as (

    select
        0 as property_block,
        cast(2 as double) as bookings
    union all
    select
        1 as property_block,
        cast(1 as double) as bookings

),

backtest as (

    select
        1 as model_version,
        cast('2025-08-01' as date) as evaluated_as_of,
        'test' as split,
        property_block,
        bookings,
        cast(1 as double) as expected_bookings,
        cast(1 as double) as price_slope,
        cast(0 as double) as price_slope_deviation,
        cast(1 as double) as expected_price_to_market,
        cast(0.2 as double) as price_spread,
        exp(0.2 * property_block) as price_to_market,
        cast(100 as double) as market_price,
        cast(2 as double) as expected_nights,
        1 as market
    from example_rows

),

decision as (

    select
        cast('2025-08-01' as date) as as_of_date,
        true as fit_due

),

metrics as (

    {{ policy_metrics(
        backtest='backtest',
        decision='decision',
        block='property_block',
        cell=['market'],
        segments={}
    ) }}

),

levels as (

    {% for level in pricing_levels() if level | abs <= pricing_largest_change() %}
        select cast({{ level }} as double) / 100 as price_level
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

asked as (

    select
        place,
        exp(place / 20e0) as price,
        exp(-place * place / 32e0) as density
    from (
        select row_number() over (order by date) - 17 as place
        from {{ source('gold', 'dim_date') }}
        order by date
        limit 33
    ) as numbered

),

tried as (

    select
        asked.*,
        levels.price_level,
        row_number() over (partition by asked.place order by ln(1 + levels.price_level) - asked.price * levels.price_level desc)
            as best
    from asked
    cross join levels

),

-- distances in logarithms of price; the kernel is a third of the scatter
seen as (

    select
        observed.property_block,
        least(
            5,
            sum(tried.density * exp(-4.5 * power((0.2 * observed.property_block - ln(tried.price * (1 + tried.price_level))) / 0.2, 2)))
            / sum(tried.density * exp(-4.5 * power((0.2 * observed.property_block - ln(tried.price)) / 0.2, 2)))
        ) as weight,
        max(case when tried.place = 4 * observed.property_block then tried.price_level end) as price_level
    from example_rows as observed
    cross join tried
    where tried.best = 1
    group by observed.property_block

),

parts as (

    select
        max(case when property_block = 0 then weight end) as weight_0,
        max(case when property_block = 1 then weight end) as weight_1,
        -- only the second row changes its price
        200 * exp(0.2) * 13 / 12
        * max(case when property_block = 1 then (1 + price_level) * exp(-exp(0.2) * price_level) - 1 end) as modelled_gain,
        400 + 200 * exp(0.2) as revenue,
        (200 + 200 * exp(0.2)) * 13 / 12 as modelled_revenue
    from seen

),

expected as (

    -- the model missed 11 / 12 of a booking of the first row, and expected 1 / 12 too much of the second
    select
        'all' as segment,
        'revenue_lift' as metric_name,
        (modelled_gain + 200 * (weight_0 - 1) * 11 / 12 - 200 * exp(0.2) * (weight_1 - 1) / 12) / revenue as metric_value
    from parts
    union all
    select
        'all' as segment,
        'modelled_lift' as metric_name,
        modelled_gain / modelled_revenue as metric_value
    from parts
    union all
    select
        'all' as segment,
        'changed_share' as metric_name,
        0.5 as metric_value
    from parts
    union all
    select
        'all' as segment,
        'mean_weight' as metric_name,
        (weight_0 + weight_1) / 2 as metric_value
    from parts

),

blocks as (

    select avg(metric_value) as metric_value
    from metrics
    where segment like 'property_block=%'

)

select
    expected.metric_name,
    expected.metric_value as expected_value,
    metrics.metric_value
from expected
left join metrics
    on expected.segment = metrics.segment
    and expected.metric_name = metrics.metric_name
where metrics.metric_value is null or abs(metrics.metric_value - expected.metric_value) > 1e-9
union all
-- the mean over blocks is the lift of all rows
select
    'mean over blocks' as metric_name,
    expected.metric_value as expected_value,
    blocks.metric_value
from expected
cross join blocks
where expected.metric_name = 'revenue_lift' and abs(blocks.metric_value - expected.metric_value) > 1e-9
