{{ config(
    materialized='incremental',
    unique_key=['model_name', 'week_start', 'metric_name'],
    full_refresh=false
) }}

{# named here: dbt does not see a ref that only a later run reads #}
{% set clock = ref('point_in_time') %}

{# metrics whose value of all rows is the mean of those of the parts, so that the back-test can be weighted like the week #}
{% set means = [
    'poisson_deviance', 'mae', 'bias', 'log_loss', 'brier', 'wape', 'mape', 'coverage_80', 'outside_80', 'ndcg_at_10',
    'recall_at_10',
] %}
{% set mean_names = "('" ~ means | join("', '") ~ "', 'rmse')" %}

with policy as (

    select * from {{ ref('quality_policy') }}

),

-- the metric by which versions are compared; where no served row shows it, as of pricing and revenue, the loss that is judged
primaries as (

    select
        policy.model_name,
        coalesce(
            max(case when targets.is_primary then policy.metric_name end),
            min(case when policy.comparison = 'at_most' and policy.tolerance is not null then policy.metric_name end)
        ) as metric_name
    from policy
    left join {{ ref('performance_targets') }} as targets
        on policy.model_name = targets.model_name
        and policy.metric_name = targets.metric_name
    group by policy.model_name

),

outcomes as (

    select * from {{ ref('served_outcomes') }}

),

live as (

    select * from {{ ref('live_metrics') }}

),

due as (

    select distinct
        model_name,
        week_start,
        is_complete,
        as_of_date
    from outcomes

),

-- what the back-test says of each version
evaluations as (

    {% for row in products() %}
        {{ metrics_when_fitted(row) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- the back-test, weighted as the week's rows are

served_rows as (

    select
        model_name,
        week_start,
        part,
        model_version,
        count(*) as row_count
    from outcomes
    group by model_name, week_start, part, model_version

),

promises as (

    select
        served_rows.model_name,
        served_rows.week_start,
        policy.metric_name,
        cast(served_rows.row_count as double) as weight,
        due.is_complete or policy.metric_name in {{ mean_names }} as is_comparable,
        evaluations.metric_value,
        evaluations.baseline_value
    from served_rows
    inner join policy on served_rows.model_name = policy.model_name
    inner join due
        on served_rows.model_name = due.model_name
        and served_rows.week_start = due.week_start
    left join evaluations
        on served_rows.model_name = evaluations.model_name
        and served_rows.model_version = evaluations.model_version
        and policy.metric_name = evaluations.metric_name
        and evaluations.split = 'test'
        and case when policy.metric_name in {{ mean_names }} then served_rows.part else 'all' end = evaluations.segment

),

backtests as (

    select
        model_name,
        week_start,
        metric_name,
        {% for value in ['metric_value', 'baseline_value'] %}
            case
                when count({{ value }}) < count(*) or not bool_and(is_comparable) then null
                when metric_name = 'rmse' then sqrt(sum(weight * {{ value }} * {{ value }}) / sum(weight))
                else sum(weight * {{ value }}) / sum(weight)
            end as {{ value }}{{ ',' if not loop.last }}
        {% endfor %}
    from promises
    group by model_name, week_start, metric_name

),

versions as (

    select
        model_name,
        week_start,
        model_version,
        row_number() over (
            partition by model_name, week_start order by sum(row_count) desc, model_version desc
        ) as place
    from served_rows
    group by model_name, week_start, model_version

),

compared as (

    select
        live.model_name,
        live.week_start,
        live.metric_name,
        versions.model_version,
        live.metric_value,
        live.baseline_value,
        backtests.metric_value as backtest_value,
        backtests.baseline_value as backtest_baseline_value,
        live.row_count,
        coalesce(live.metric_name = primaries.metric_name, false) as is_primary,
        policy.comparison,
        policy.measured_as,
        policy.tolerance,
        policy.weeks,
        policy.min_rows,
        due.as_of_date,
        live.metric_value
        / case when policy.measured_as = 'over_baseline' then nullif(live.baseline_value, 0) else 1e0 end as judged_value,
        backtests.metric_value
        / case when policy.measured_as = 'over_baseline' then nullif(backtests.baseline_value, 0) else 1e0 end
            as promised_value
    from live
    inner join due
        on live.model_name = due.model_name
        and live.week_start = due.week_start
    inner join policy
        on live.model_name = policy.model_name
        and live.metric_name = policy.metric_name
    inner join versions
        on live.model_name = versions.model_name
        and live.week_start = versions.week_start
        and versions.place = 1
    left join primaries on live.model_name = primaries.model_name
    left join backtests
        on live.model_name = backtests.model_name
        and live.week_start = backtests.week_start
        and live.metric_name = backtests.metric_name

),

judged as (

    select
        model_name,
        week_start,
        metric_name,
        model_version,
        metric_value,
        baseline_value,
        backtest_value,
        backtest_baseline_value,
        row_count,
        is_primary,
        measured_as,
        tolerance,
        weeks,
        coalesce(
            row_count >= min_rows
            and case
                when comparison = 'at_least' then judged_value < tolerance * promised_value
                else judged_value > promised_value / tolerance
            end, false
        ) as is_outside,
        as_of_date
    from compared

),

-- with the weeks around them: one that has changed may end or begin a row of them
{% set columns = [
    'model_name', 'week_start', 'metric_name', 'model_version', 'metric_value', 'baseline_value', 'backtest_value',
    'backtest_baseline_value', 'row_count', 'is_primary', 'measured_as', 'tolerance', 'weeks', 'is_outside', 'as_of_date',
] %}
history as (

    select
        {{ columns | join(',\n        ') }}
    from judged
    {% if is_incremental() %}
        union all
        select
            measured.{{ columns | join(',\n            measured.') }}
        from {{ this }} as measured
        inner join {{ clock }} as clock on measured.as_of_date <= clock.as_of_date
        left join due
            on measured.model_name = due.model_name
            and measured.week_start = due.week_start
        where due.model_name is null
    {% endif %}

),

numbered as (

    select
        *,
        row_number() over (partition by model_name, metric_name order by week_start) as place
    from history

),

streaks as (

    select
        *,
        place - coalesce(
            max(case when not is_outside then place end) over (
                partition by model_name, metric_name order by week_start
                rows between unbounded preceding and current row
            ), 0
        ) as weeks_in_row
    from numbered

),

changed as (

    select
        model_name,
        min(week_start) as week_start
    from due
    group by model_name

),

final as (

    select
        streaks.{{ columns | join(',\n        streaks.') }},
        cast(streaks.weeks_in_row as int) as weeks_in_row,
        streaks.weeks_in_row >= streaks.weeks as is_degraded
    from streaks
    inner join changed
        on streaks.model_name = changed.model_name
        and streaks.week_start >= changed.week_start

)

select * from final
