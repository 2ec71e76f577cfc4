-- What is given is no target: seeds from before have rows for it, which nothing would read any longer.
select
    model_name,
    metric_name,
    'performance_targets has ' || metric_name || ' of ' || model_name || ', which is a setting now: delete the row, and write '
    || metric_name || ' into the declaration in macros/products' as message
from {{ ref('performance_targets') }}
where metric_name in ('decision_threshold', 'threshold_beta')
