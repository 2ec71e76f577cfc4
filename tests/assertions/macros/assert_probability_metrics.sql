-- The further metrics by hand. Twenty rows, 10 positive; the model gives 0.9 to 4 rows, all positive, 0.5 to 8 with 4
-- positives and 0.1 to 8 with 2; on the validation rows alike. A tenth are 2 rows, half of those that tie at 0.9. With beta
-- 0.5 the best threshold is 0.9, 1.25 * 4 / (4 + 0.25 * 10) against 1.25 * 8 / (12 + 0.25 * 10) at 0.5, which F1 would
-- choose; its F1 is 2 * 4 / (4 + 10), that of calling every row positive 2 * 10 / (20 + 10).
with probabilities as (

    {% for probability, rows, positives in [(0.9, 4, 4), (0.5, 8, 4), (0.1, 8, 2)] %}
        {% for number in range(rows) %}
            select
                {{ probability }}e0 as probability,
                {{ 1 if number < positives else 0 }}e0 as label
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

splits as (

    select 'validation' as split
    union all
    select 'test' as split

),

backtest as (

    select
        1 as model_version,
        cast('2025-08-01' as date) as evaluated_as_of,
        splits.split,
        cast('2025-07-01' as date) as as_of_date,
        probabilities.probability,
        0.5e0 as baseline,
        probabilities.label
    from probabilities
    cross join splits

),

decision as (

    select
        cast('2025-08-01' as date) as as_of_date,
        true as fit_due

),

metrics as (

    {{ probability_metrics(
        backtest='backtest',
        decision='decision',
        label='label',
        prediction='probability',
        baseline='baseline',
        date='as_of_date',
        segments={},
        further=['f_beta', 'f1_over_trivial', 'lift_top_decile'],
        beta=0.5
    ) }}

),

expected as (

    select
        'best_threshold' as metric_name,
        0.9e0 as metric_value,
        0.5e0 as baseline_value
    union all
    select
        'f1' as metric_name,
        8 / 14e0 as metric_value,
        20 / 30e0 as baseline_value
    union all
    select
        'f_beta' as metric_name,
        1.25e0 * 4 / 6.5e0 as metric_value,
        1.25e0 * 10 / 22.5e0 as baseline_value
    union all
    select
        'f1_over_trivial' as metric_name,
        8 / 14e0 - 20 / 30e0 as metric_value,
        0e0 as baseline_value
    union all
    select
        'lift_top_decile' as metric_name,
        2e0 as metric_value,
        1e0 as baseline_value

)

select
    expected.*,
    metrics.metric_value as found_value,
    metrics.baseline_value as found_baseline
from expected
left join metrics
    on expected.metric_name = metrics.metric_name
    and metrics.split = 'test'
    and metrics.segment = 'all'
where
    metrics.metric_value is null
    or abs(metrics.metric_value - expected.metric_value) > 1e-12
    or abs(metrics.baseline_value - expected.baseline_value) > 1e-12
