-- Three queries of one day: the right one second (of equal scores the other item comes first by hash), the right one eleventh, no
-- right one at all. The baseline has the right one first, then does not recommend it, then misses it, too. Who asks may return to
-- another item in the first query, and to the right one in the second.
with candidates as (

    select
        1 as query_id,
        1 as property_id,
        1e0 as is_next,
        5e0 as score,
        2e0 as baseline_score
    union all
    select
        1 as query_id,
        2 as property_id,
        0e0 as is_next,
        5e0 as score,
        1e0 as baseline_score
    union all
    select
        3 as query_id,
        1 as property_id,
        0e0 as is_next,
        9e0 as score,
        1e0 as baseline_score
    {% for item in range(1, 12) %}
        union all
        select
            2 as query_id,
            {{ item }} as property_id,
            {{ 1 if item == 11 else 0 }}e0 as is_next,
            {{ 20 - item }}e0 as score,
            {{ 0 if item == 11 else item }}e0 as baseline_score
    {% endfor %}

),

backtest as (

    select
        1 as model_version,
        cast('2025-08-01' as date) as evaluated_as_of,
        'test' as split,
        cast('2025-07-01' as date) as as_of_date,
        query_id,
        property_id,
        is_next,
        score,
        baseline_score
    from candidates

),

examples as (

    select
        split,
        as_of_date,
        query_id,
        property_id,
        case when query_id = 1 and property_id = 2 then 1e0 when query_id = 2 and is_next = 1 then 3e0 else 0e0 end as expected_returns
    from backtest

),

decision as (

    select
        cast('2025-08-01' as date) as as_of_date,
        true as fit_due

),

listed as (

    select property_id from candidates
    union distinct
    select 12 as property_id
    union distinct
    select 30 as property_id

),

catalogue as (

    select
        cast('2025-07-01' as date) as as_of_date,
        property_id,
        property_id <= 20 as is_on_offer
    from listed

),

metrics as (

    {{ ranking_metrics(
        backtest='backtest',
        decision='decision',
        catalogue='catalogue',
        label='is_next',
        prediction='score',
        baseline='baseline_score',
        date='as_of_date',
        query='query_id',
        item='property_id',
        on_offer='is_on_offer',
        segments={'half': 'query_id % 2'},
        returns={'examples': 'examples', 'keys': ['as_of_date', 'query_id', 'property_id'], 'by': 'expected_returns'}
    ) }}

),

expected as (

    select
        'ndcg_at_10' as metric_name,
        'all' as segment,
        ln(2e0) / ln(3e0) / 3 as metric_value,
        1e0 / 3 as baseline_value
    union all
    select
        'recall_at_10' as metric_name,
        'all' as segment,
        1e0 / 3 as metric_value,
        1e0 / 3 as baseline_value
    union all
    select
        'mrr' as metric_name,
        'all' as segment,
        (1e0 / 2 + 1e0 / 11) / 3 as metric_value,
        1e0 / 3 as baseline_value
    union all
    select
        'candidate_recall' as metric_name,
        'all' as segment,
        2e0 / 3 as metric_value,
        null as baseline_value
    union all
    select
        'ndcg_at_10_over_returns' as metric_name,
        'all' as segment,
        -1e0 / 3 as metric_value,
        -ln(2e0) / ln(3e0) / 3 as baseline_value
    union all
    select
        'coverage_at_10' as metric_name,
        'all' as segment,
        10e0 / 12 as metric_value,
        10e0 / 12 as baseline_value
    union all
    select
        'ndcg_at_10' as metric_name,
        'half=0' as segment,
        0e0 as metric_value,
        0e0 as baseline_value

)

select
    expected.*,
    metrics.metric_value as found,
    metrics.baseline_value as found_baseline
from expected
left join metrics
    on expected.metric_name = metrics.metric_name
    and expected.segment = metrics.segment
where
    metrics.metric_value is null
    or abs(metrics.metric_value - expected.metric_value) > 1e-12
    or (metrics.baseline_value is null and expected.baseline_value is not null)
    or abs(metrics.baseline_value - expected.baseline_value) > 1e-12
