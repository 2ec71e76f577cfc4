{#
  What a pricing policy would have earned on rows whose prices the hosts set: long metrics in the shape of count_metrics.

    revenue_lift    gain in revenue over the prices that were asked, a fraction; doubly robust. Baseline 0: no change
    modelled_lift   the same by the model alone, which is its own opinion and judges nothing
    changed_share   share of the rows with another price than the current one
    mean_weight     mean of the clipped weights, about 1 where the propensities are right and policy and hosts overlap

  The policy moves the price of each row from a to d(a). Its value is estimated as for a modified treatment policy
  (Haneuse and Rotnitzky 2013), doubly robust over prices (Dudik, Langford and Li 2011; Kallus and Zhou 2018): the model's
  revenue at d(a), plus (w - 1) times what the model missed at a. The weight w is the density of the observed price when the
  policy moves prices, over its density as hosts set them, both smoothed by a kernel. Hosts' density is the propensity, a
  normal distribution of the logarithm of price around its expectation given what was known. The estimate is right when
  either the model of bookings or the propensity is.

  First the model's bookings are scaled to those of each cell (a market's month), shrunk by 10 bookings: a shock
  that all of a cell share is no answer to a price, and it would be most of the noise.

  Segment `<block>=<n>` holds the linearised ratio, whose mean over blocks is the lift of all rows and whose scatter
  gives its interval (the delta method).

  Arguments
    backtest  relation with model_version, evaluated_as_of, split, bookings, expected_bookings, price_slope,
              price_slope_deviation, expected_price_to_market, price_spread, price_to_market, market_price, expected_nights
              and the columns named below
    decision  relation <product>_retraining
    block     column of independent blocks
    cell      columns of what shares a shock
    segments  {name: expression}
    clip      largest weight

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count
#}
{% macro policy_metrics(backtest, decision, block, cell, segments, clip=5) %}
    {# prices that a host might have asked, in quarters of the spread around the expected one; the kernel is a third of it #}
    {% set reach = 16 %}
    {% set prior_bookings = 10 %}
    {% set text = dbt.type_string() %}
    with evaluated as (

        select
            backtest.*,
            backtest.price_to_market * backtest.market_price * backtest.expected_nights as booking_value,
            4 * least(greatest(
                ln(backtest.price_to_market / backtest.expected_price_to_market) / backtest.price_spread, -{{ reach }} / 4e0
            ), {{ reach }} / 4e0) as price_place,
            (sum(backtest.bookings) over cell + {{ prior_bookings }})
            / (sum(backtest.expected_bookings) over cell + {{ prior_bookings }}) as cell_level
        from {{ backtest }} as backtest
        inner join {{ decision }} as decision on backtest.evaluated_as_of = decision.as_of_date
        where decision.fit_due
        window cell as (partition by backtest.model_version, backtest.split{% for column in cell %}, backtest.{{ column }}{% endfor %})

    ),

    moved as (

        select
            *,
            expected_bookings * cell_level as levelled_bookings,
            {{ pricing_policy('price_slope * price_to_market', 'price_slope_deviation * price_to_market') }} as price_change
        from evaluated

    ),

    places as (

        {% for place in range(-reach, reach + 1) %}
            select
                {{ place }} as place,
                exp(-{{ place * place / 32 }}e0) as density
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    alternatives as (

        select
            row_price.model_version,
            row_price.price_slope,
            row_price.price_slope_deviation,
            row_price.expected_price_to_market,
            row_price.price_spread,
            row_price.price_place,
            places.density,
            row_price.price_place - places.place as distance,
            {{ pricing_policy(
                'row_price.price_slope * row_price.expected_price_to_market * exp(row_price.price_spread * places.place / 4e0)',
                'row_price.price_slope_deviation * row_price.expected_price_to_market'
                ~ ' * exp(row_price.price_spread * places.place / 4e0)'
            ) }} as price_change
        from (
            select distinct
                model_version,
                price_slope,
                price_slope_deviation,
                price_spread,
                expected_price_to_market,
                price_place
            from evaluated
        ) as row_price
        cross join places

    ),

    weights as (

        select
            model_version,
            price_slope,
            price_slope_deviation,
            expected_price_to_market,
            price_place,
            least(
                sum(density * {{ kernel('distance - 4 * ln(1 + price_change) / price_spread') }})
                / sum(density * {{ kernel('distance') }}),
                {{ clip }}
            ) as weight
        from alternatives
        group by model_version, price_slope, price_slope_deviation, expected_price_to_market, price_place

    ),

    weighted as (

        select
            moved.*,
            weights.weight
        from moved
        inner join weights
            on moved.model_version = weights.model_version
            and moved.price_slope = weights.price_slope
            and moved.price_slope_deviation = weights.price_slope_deviation
            and moved.expected_price_to_market = weights.expected_price_to_market
            and moved.price_place = weights.price_place

    ),

    valued as (

        select
            *,
            booking_value * bookings as revenue,
            booking_value * levelled_bookings as modelled_revenue,
            booking_value * levelled_bookings
            * ((1 + price_change) * exp(-price_slope * price_to_market * price_change) - 1) as modelled_gain,
            (weight - 1) * booking_value * (bookings - levelled_bookings) as correction
        from weighted

    ),

    segmented as (

        {{ in_segments('valued', segments) }}

    ),

    averaged as (

        select
            model_version,
            evaluated_as_of,
            split,
            segment,
            count(*) as row_count,
            sum(modelled_gain + correction) / nullif(sum(revenue), 0) as revenue_lift,
            sum(modelled_gain) / nullif(sum(modelled_revenue), 0) as modelled_lift,
            avg(case when price_change <> 0 then 1e0 else 0e0 end) as changed_share,
            avg(weight) as mean_weight,
            {% for metric, baseline in {'revenue_lift': 0, 'modelled_lift': 0, 'changed_share': 0, 'mean_weight': 1}.items() %}
                {{ baseline }} as baseline_{{ metric }}{{ ',' if not loop.last }}
            {% endfor %}
        from segmented
        group by model_version, evaluated_as_of, split, segment

    ),

    blocks as (

        select
            model_version,
            evaluated_as_of as as_of_date,
            split,
            {{ block }} as block,
            count(*) as row_count,
            sum(modelled_gain + correction) as gain,
            sum(revenue) as revenue
        from valued
        group by model_version, evaluated_as_of, split, {{ block }}

    ),

    linearised as (

        select
            *,
            sum(gain) over whole / nullif(sum(revenue) over whole, 0) as lift,
            sum(revenue) over whole / count(*) over whole as mean_revenue
        from blocks
        window whole as (partition by model_version, as_of_date, split)

    ),

    final as (

        {{ long_metrics('averaged', ['revenue_lift', 'modelled_lift', 'changed_share', 'mean_weight']) }}
        union all
        select
            model_version,
            as_of_date,
            split,
            '{{ block }}=' || cast(block as {{ text }}) as segment,
            'revenue_lift' as metric_name,
            lift + (gain - lift * revenue) / nullif(mean_revenue, 0) as metric_value,
            cast(0 as double) as baseline_value,
            row_count
        from linearised

    )

    select * from final
{% endmacro %}

{# The kernel of policy_metrics at a distance in quarters of the spread. #}
{% macro kernel(distance) %}exp(-4.5e0 * ({{ distance }}) * ({{ distance }}) / 16){% endmacro %}
