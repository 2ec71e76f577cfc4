-- The doubly robust lift by hand. Prices scatter by 0.2 around 1, so that the levels of 20 % around it have densities 1,
-- exp(-0.5), exp(-2), exp(-4.5). With a slope of 1 the policy moves levels -1, 0, 1 and 2 to level 0, and 3 to level 1:
-- a row at level 0 weighs 1 + 2 * exp(-0.5) + exp(-2), one at level 1 exp(-4.5) / exp(-0.5).
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
        cast(2 as double) as expected_nights
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
        segments={}
    ) }}

),

parts as (

    select
        1 + 2 * exp(-0.5) + exp(-2) as weight_0,
        exp(-4) as weight_1,
        -- only the second row changes its price, by -20 %
        200 * exp(0.2) * (0.8 * exp(0.2 * exp(0.2)) - 1) as modelled_gain,
        400 + 200 * exp(0.2) as revenue,
        200 + 200 * exp(0.2) as modelled_revenue

),

expected as (

    -- the model missed one booking of the first row
    select
        'all' as segment,
        'revenue_lift' as metric_name,
        (modelled_gain + 200 * (weight_0 - weight_1) / 2) / revenue as metric_value
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
