{{ config(
    materialized='incremental',
    unique_key=['model_name', 'week_start', 'metric_name'],
    full_refresh=false
) }}

select
    live.model_name,
    live.week_start,
    live.metric_name,
    live.online_value as metric_value,
    live.online_baseline_value as baseline_value,
    live.metric_value as batch_value,
    cast(live.online_rows as bigint) as row_count,
    cast(live.row_count as bigint) as batch_rows,
    clock.as_of_date
from {{ ref('live_metrics') }} as live
cross join {{ ref('point_in_time') }} as clock
where live.online_rows > 0
