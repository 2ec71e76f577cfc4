{{ config(
    materialized='incremental',
    unique_key=['model_name', 'week_start', 'metric_name'],
    full_refresh=false
) }}

{# metrics whose value of all rows is the mean of those of the parts, so that the back-test can be weighted like the week #}
{% set means = [
    'poisson_deviance', 'mae', 'bias', 'log_loss', 'brier', 'wape', 'mape', 'coverage_80', 'outside_80', 'ndcg_at_10',
    'recall_at_10',
] %}
{% set mean_names = "('" ~ means | join("', '") ~ "', 'rmse')" %}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

policy as (

    select * from {{ ref('quality_policy') }}

),

targets as (

    select * from {{ ref('performance_targets') }}

),

-- as the metrics macros take a back-test: their split is the model, so that models of a kind share them
outcomes as (

    select
        *,
        week_start as evaluated_as_of,
        model_name as split,
        model_version as served_version
    from {{ ref('served_outcomes') }}

),

due as (

    select distinct
        model_name,
        week_start,
        is_complete,
        as_of_date
    from outcomes

),

{% for kind, models in {
    'count': ['demand_predictor', 'pricing_optimizer'],
    'probability': ['conversion_predictor', 'churn_predictor', 'cancellation_predictor'],
    'forecast': ['revenue_forecaster'],
    'value': ['customer_ltv_predictor'],
    'ranking': ['property_recommender'],
}.items() %}
    {{ kind }}_rows as (

        select
            0 as model_version,
            evaluated_as_of,
            split,
            scoring_date,
            label_date,
            unit_id,
            item_id,
            group_id,
            segment as activity,
            prediction,
            baseline,
            label
            {%- if kind == 'forecast' %},
                'total' as forecast_level,
                0 as destination_id,
                scoring_date as as_of_date,
                label_date as forecast_date,
                {{ dbt.datediff('scoring_date', 'label_date', 'day') }} as horizon_days,
                1 as window_days,
                lower_80,
                upper_80
            {%- elif kind == 'value' %},
                cast(null as double) as none_probability
            {%- endif %}
        from outcomes
        where split in ('{{ models | join("', '") }}')

    ),

{% endfor %}
{% set weeks = '(select distinct week_start as as_of_date, true as fit_due from due)' %}
count_live as (

    {{ count_metrics(
        backtest='count_rows',
        decision=weeks,
        label='label',
        prediction='prediction',
        baseline='baseline',
        date='label_date',
        aggregate='group_id',
        segments={}
    ) }}

),

probability_live as (

    {# no threshold is looked up: the metrics at one are counted below #}
    {{ probability_metrics(
        model_name='',
        backtest='probability_rows',
        decision=weeks,
        targets='targets',
        label='label',
        prediction='prediction',
        baseline='baseline',
        date='evaluated_as_of',
        segments={}
    ) }}

),

forecast_live as (

    {{ forecast_metrics(
        backtest='forecast_rows',
        decision=weeks,
        label='label',
        prediction='prediction',
        baseline='baseline',
        segments={}
    ) }}

),

value_live as (

    {{ value_metrics(
        backtest='value_rows',
        decision=weeks,
        label='label',
        prediction='prediction',
        baseline='baseline',
        keys=['unit_id', 'scoring_date'],
        none_probability='none_probability',
        active="activity in ('1 booking', '2-4 bookings', '5+ bookings')",
        segments={'activity': 'activity'}
    ) }}

),

ranking_live as (

    {{ ranking_metrics(
        backtest='ranking_rows',
        decision=weeks,
        catalogue='(select as_of_date, true as is_on_offer from clock where 1 = 0)',
        label='label',
        prediction='prediction',
        baseline='baseline',
        date='scoring_date',
        query='unit_id',
        item='item_id',
        on_offer='is_on_offer',
        segments={'scoring_date': 'scoring_date'}
    ) }}

),

-- what the back-test says of each version, in the run that fitted it

evaluations as (

    {% for row in products() %}
        select
            '{{ row.model_name }}' as model_name,
            model_version,
            split,
            segment,
            metric_name,
            metric_value,
            baseline_value
        from (
            select
                *,
                min(as_of_date) over (partition by model_version) as fitted_as_of
            from (
                {{ built(row.product ~ '_metrics', [
                    'model_version', 'as_of_date', 'split', 'segment', 'metric_name', 'metric_value', 'baseline_value'
                ]) }}
            ) as metrics
        ) as dated
        where as_of_date = fitted_as_of
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- the baseline is cut at the threshold that was best for it on the validation rows; what the model called positive is in
-- the public table
called_rows as (

    select
        outcomes.*,
        outcomes.baseline >= thresholds.baseline_value as is_called_by_baseline
    from outcomes
    left join evaluations as thresholds
        on outcomes.model_name = thresholds.model_name
        and outcomes.served_version = thresholds.model_version
        and thresholds.split = 'validation'
        and thresholds.segment = 'all'
        and thresholds.metric_name = 'best_threshold'
    where outcomes.is_called is not null

),

called as (

    select
        model_name,
        week_start,
        count(*) as row_count,
        count(*) filter (where label = 1) as positives,
        {% for side, condition in {'model': 'is_called', 'baseline': 'is_called_by_baseline'}.items() %}
            count(*) filter (where {{ condition }}) as {{ side }}_called,
            count(*) filter (where {{ condition }} and label = 1) as {{ side }}_hits{{ ',' if not loop.last }}
        {% endfor %}
    from called_rows
    group by model_name, week_start

),

scored_calls as (

    select
        0 as model_version,
        week_start as evaluated_as_of,
        model_name as split,
        row_count,
        {% for side in ['model', 'baseline'] %}
            {{ f_score(side ~ '_hits', side ~ '_called', 'positives') }} as {{ side }}_f1,
            {{ f_score(side ~ '_hits', side ~ '_called', 'positives') }}
            - 2 * positives / nullif(cast(row_count + positives as double), 0) as {{ side }}_f1_over_trivial{{ ',' if not loop.last }}
        {% endfor %}
    from called

),

called_live as (

    {{ long_metrics('scored_calls', ['f1', 'f1_over_trivial'], model='model_', segment="'all'") }}

),

live as (

    {% for kind in ['count', 'probability', 'forecast', 'value', 'ranking', 'called'] %}
        select
            split as model_name,
            as_of_date as week_start,
            metric_name,
            metric_value,
            baseline_value,
            row_count
        from {{ kind }}_live
        where segment = 'all'{{ " and metric_name not in ('f1', 'f1_over_trivial')" if kind == 'probability' }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- the back-test, weighted as the week's rows are

served_rows as (

    select
        model_name,
        week_start,
        part,
        served_version as model_version,
        count(*) as row_count
    from outcomes
    group by model_name, week_start, part, served_version

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
        coalesce(targets.is_primary, false) as is_primary,
        policy.comparison,
        policy.measured_as,
        policy.tolerance,
        policy.weeks,
        policy.least_rows,
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
    left join targets
        on live.model_name = targets.model_name
        and live.metric_name = targets.metric_name
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
            row_count >= least_rows
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

    select {{ columns | join(', ') }}
    from judged
    {% if is_incremental() %}
        union all
        select measured.{{ columns | join(', measured.') }}
        from {{ this }} as measured
        inner join clock on measured.as_of_date <= clock.as_of_date
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
