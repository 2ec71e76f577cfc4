with served as (

    select * from {{ ref('served_outcomes') }}

),

-- as the metrics macros take a back-test: their split is the model, so that models of a task share them, and those of its
-- rows that were answered in real time once more
outcomes as (

    select
        *,
        week_start as evaluated_as_of,
        model_name as split
    from served
    union all
    select
        *,
        week_start as evaluated_as_of,
        model_name || ' online' as split
    from served
    where is_asked

),

{% set tasks = ['count', 'probability', 'forecast', 'value', 'ranking'] %}
{# none of the eight products predicts a plain number; one that `wanderbricks new-model` makes may #}
{% if products() | selectattr('task', 'equalto', 'regression') | list %}{% do tasks.append('regression') %}{% endif %}
{% for task in tasks %}
    {% set of_task = products() | selectattr('task', 'equalto', task) | list %}
    {{ task }}_rows as (

        select
            0 as model_version,
            evaluated_as_of,
            split,
            scoring_date,
            label_date,
            unit_id,
            item_id,
            group_id,
            {{ 'segment,' if task == 'value' }}
            prediction,
            baseline,
            label
            {%- if task == 'forecast' %},
                'total' as forecast_level,
                0 as destination_id,
                scoring_date as as_of_date,
                label_date as forecast_date,
                {{ dbt.datediff('scoring_date', 'label_date', 'day') }} as horizon_days,
                1 as window_days,
                lower_80,
                upper_80
            {%- elif task == 'value' %},
                cast(null as double) as none_probability,
                false
                {% for product in of_task %}
                    or (model_name = '{{ product.model_name }}' and {{ value_is_active(product, 'segment') }})
                {% endfor %}
                    as is_active
            {%- endif %}
        from outcomes
        where model_name in ('{{ of_task | join("', '", attribute='model_name') }}')

    ),

{% endfor %}
weeks as (

    select distinct
        week_start as as_of_date,
        true as fit_due
    from outcomes

),

-- coverage of what was on offer is none of the policy's metrics
on_offer as (

    select
        week_start as as_of_date,
        true as is_on_offer
    from outcomes
    where 1 = 0

),

count_live as (

    {{ count_metrics(
        backtest='count_rows',
        decision='weeks',
        label='label',
        prediction='prediction',
        baseline='baseline',
        date='label_date',
        aggregate='group_id',
        segments={}
    ) }}

),

{% if 'regression' in tasks %}
    regression_live as (

        {{ regression_metrics(
            backtest='regression_rows',
            decision='weeks',
            label='label',
            prediction='prediction',
            baseline='baseline',
            date='label_date',
            segments={}
        ) }}

    ),

{% endif %}
probability_live as (

    {# no threshold is looked up: the metrics at one are counted below #}
    {{ probability_metrics(
        backtest='probability_rows',
        decision='weeks',
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
        decision='weeks',
        label='label',
        prediction='prediction',
        baseline='baseline',
        segments={}
    ) }}

),

value_live as (

    {{ value_metrics(
        backtest='value_rows',
        decision='weeks',
        label='label',
        prediction='prediction',
        baseline='baseline',
        keys=['unit_id', 'scoring_date'],
        none_probability='none_probability',
        active='is_active',
        segments={'segment': 'segment'}
    ) }}

),

ranking_live as (

    {{ ranking_metrics(
        backtest='ranking_rows',
        decision='weeks',
        catalogue='on_offer',
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

-- the baseline is cut at the threshold that was best for it on the validation rows; what the model called positive is in
-- the public table
thresholds as (

    {% for row in products() if row.task == 'probability' %}
        select * from ({{ metrics_when_fitted(row) }}) as metrics
        where split = 'validation' and segment = 'all' and metric_name = 'best_threshold'
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

called_rows as (

    select
        outcomes.*,
        outcomes.baseline >= thresholds.baseline_value as is_called_by_baseline
    from outcomes
    left join thresholds
        on outcomes.model_name = thresholds.model_name
        and outcomes.model_version = thresholds.model_version
    where outcomes.is_called is not null

),

called as (

    select
        split,
        week_start,
        count(*) as row_count,
        count(*) filter (where label = 1) as positives,
        {% for side, condition in {'model': 'is_called', 'baseline': 'is_called_by_baseline'}.items() %}
            count(*) filter (where {{ condition }}) as {{ side }}_called,
            count(*) filter (where {{ condition }} and label = 1) as {{ side }}_hits{{ ',' if not loop.last }}
        {% endfor %}
    from called_rows
    group by split, week_start

),

scored_calls as (

    select
        0 as model_version,
        week_start as evaluated_as_of,
        split,
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

measured as (

    {% for task in tasks + ['called'] %}
        select
            split,
            as_of_date as week_start,
            metric_name,
            metric_value,
            baseline_value,
            row_count
        from {{ task }}_live
        where segment = 'all'{{ " and metric_name not in ('f1', 'f1_over_trivial')" if task == 'probability' }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        policy.model_name,
        measured.week_start,
        measured.metric_name,
        measured.metric_value,
        measured.baseline_value,
        measured.row_count,
        online.metric_value as online_value,
        online.baseline_value as online_baseline_value,
        coalesce(online.row_count, 0) as online_rows
    from measured
    inner join {{ ref('quality_policy') }} as policy
        on measured.split = policy.model_name
        and measured.metric_name = policy.metric_name
    left join measured as online
        on online.split = policy.model_name || ' online'
        and measured.week_start = online.week_start
        and measured.metric_name = online.metric_name

)

select * from final
