{#
  Metrics of forecasts with 80 % intervals from several cut-offs, long, with the baseline's value on the same rows.

  Of the days of level `total`: wape (absolute error over revenue), mape (mean of absolute error over the day's revenue, days
  without revenue left out), bias (forecast less revenue, over revenue), coverage_80 and outside_80 (shares of days inside
  and outside of the interval, which add up to 1), width_80 (mean width over mean revenue). Of the days of level
  `destination`: coverage_80_destinations, bias_destinations and wape_week_destinations, the absolute error of sums over a
  destination's weeks after the cut-off over revenue (a single day there is mostly noise). Of the sums over windows
  of days: wape_window and coverage_80_window of the total, wape_window_destinations and
  coverage_80_window_destinations. A baseline without intervals has no value for widths and coverage.

  Segments: 'all', 'forecast_week=<Monday>' (the total's wape, for paired intervals: days of one week are alike, whichever
  cut-off they are forecast from), '<name>=<value>' for each of `segments` (days of the total), 'window_days=<days>',
  'destination_id=<id>' and once more 'forecast_week=<Monday of the first day>' (wape_week_destinations).

  Arguments
    backtest    relation with model_version, evaluated_as_of, split, forecast_level, destination_id, as_of_date (cut-off),
                forecast_date, horizon_days, window_days, lower_80, upper_80 and the columns named below
    decision    relation <product>_retraining: as_of_date and whether a fit was due
    label, prediction, baseline  columns
    segments    {name: expression}

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count
#}
{% macro forecast_metrics(backtest, decision, label, prediction, baseline, segments) %}
    {% set text = dbt.type_string() %}
    {% set keys = 'model_version, evaluated_as_of, split, segment' %}
    {% set by = {'forecast_week': monday_of('forecast_date')} %}
    {% do by.update(segments) %}
    with evaluated as (

        select
            backtest.*,
            case
                when backtest.{{ label }} between backtest.lower_80 and backtest.upper_80 then 1e0
                else 0e0
            end as is_inside
        from {{ backtest }} as backtest
        inner join {{ decision }} as decision on backtest.evaluated_as_of = decision.as_of_date
        where decision.fit_due

    ),

    days as (

        select *
        from evaluated
        where forecast_level = 'total' and window_days = 1

    ),

    segmented as (

        {{ in_segments('days', by) }}

    ),

    daily as (

        select
            {{ keys | replace(', ', ',\n            ') }},
            count(*) as row_count,
            sum(abs({{ label }} - {{ prediction }})) / nullif(sum({{ label }}), 0) as wape,
            sum(abs({{ label }} - {{ baseline }})) / nullif(sum({{ label }}), 0) as baseline_wape,
            avg(abs({{ label }} - {{ prediction }}) / nullif({{ label }}, 0)) as mape,
            avg(abs({{ label }} - {{ baseline }}) / nullif({{ label }}, 0)) as baseline_mape,
            sum({{ prediction }} - {{ label }}) / nullif(sum({{ label }}), 0) as bias,
            sum({{ baseline }} - {{ label }}) / nullif(sum({{ label }}), 0) as baseline_bias,
            avg(is_inside) as coverage_80,
            cast(null as double) as baseline_coverage_80,
            avg(1 - is_inside) as outside_80,
            cast(null as double) as baseline_outside_80,
            sum(upper_80 - lower_80) / nullif(sum({{ label }}), 0) as width_80,
            cast(null as double) as baseline_width_80
        from segmented
        group by {{ keys }}

    ),

    weekly as (

        select
            model_version,
            evaluated_as_of,
            split,
            destination_id,
            {{ monday_of('min(forecast_date)') }} as forecast_week,
            count(*) as row_count,
            sum(is_inside) as inside,
            sum({{ label }}) as label_sum,
            sum({{ prediction }}) - sum({{ label }}) as error,
            sum({{ baseline }}) - sum({{ label }}) as baseline_error
        from evaluated
        where forecast_level = 'destination' and window_days = 1
        group by
            model_version,
            evaluated_as_of,
            split,
            destination_id,
            as_of_date,
            cast(floor((horizon_days - 1) / 7e0) as int)

    ),

    weekly_segmented as (

        {{ in_segments('weekly', {'destination_id': 'destination_id', 'forecast_week': 'forecast_week'}) }}

    ),

    by_destination as (

        select
            {{ keys | replace(', ', ',\n            ') }},
            cast(sum(row_count) as bigint) as row_count,
            sum(abs(error)) / nullif(sum(label_sum), 0) as wape_week_destinations,
            sum(abs(baseline_error)) / nullif(sum(label_sum), 0) as baseline_wape_week_destinations,
            sum(error) / nullif(sum(label_sum), 0) as bias_destinations,
            sum(baseline_error) / nullif(sum(label_sum), 0) as baseline_bias_destinations,
            sum(inside) / sum(row_count) as coverage_80_destinations,
            cast(null as double) as baseline_coverage_80_destinations
        from weekly_segmented
        group by {{ keys }}

    ),

    windows as (

        select
            model_version,
            evaluated_as_of,
            split,
            'window_days=' || cast(window_days as {{ text }}) as segment,
            forecast_level,
            count(*) as row_count,
            sum(abs({{ label }} - {{ prediction }})) / nullif(sum({{ label }}), 0) as wape_window,
            sum(abs({{ label }} - {{ baseline }})) / nullif(sum({{ label }}), 0) as baseline_wape_window,
            avg(is_inside) as coverage_80_window,
            cast(null as double) as baseline_coverage_80_window
        from evaluated
        where window_days > 1
        group by model_version, evaluated_as_of, split, window_days, forecast_level

    ),

    final as (

        {{ long_metrics('daily', ['wape', 'mape', 'bias', 'coverage_80', 'outside_80', 'width_80']) }}
        union all
        {{ long_metrics('by_destination', ['wape_week_destinations', 'bias_destinations', 'coverage_80_destinations']) }}
        union all
        {{ long_metrics(
            'windows', ['wape_window', 'coverage_80_window'],
            suffix="case when forecast_level = 'total' then '' else '_destinations' end"
        ) }}

    )

    select * from final
{% endmacro %}
