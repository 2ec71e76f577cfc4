{{ config(
    materialized='incremental',
    unique_key=['model_name', 'model_version', 'arm', 'served_date'],
    full_refresh=false
) }}

with logged as (

    select *
    from {{ ref('stg_inference_log') }}
    {% if is_incremental() %}
        -- the day before, too: a file may have come late
        where served_date >= coalesce((select max(served_date) - 1 from {{ this }}), cast('1990-01-01' as date))
    {% endif %}

),

-- a request of several rows has one status and one time
requests as (

    select
        model_name,
        coalesce(model_version, 0) as model_version,
        arm,
        served_date,
        request_id,
        served_at,
        max(status) as status,
        max(milliseconds) as milliseconds,
        count(case when is_answered then 1 end) as answered,
        count(case when is_by_key then 1 end) as by_key
    from logged
    group by model_name, coalesce(model_version, 0), arm, served_date, request_id, served_at

),

final as (

    select
        model_name,
        model_version,
        arm,
        served_date,
        count(*) as request_count,
        cast(sum(answered) as bigint) as row_count,
        cast(sum(by_key) as bigint) as by_key_rows,
        count(case when status between 400 and 499 then 1 end) as refused_requests,
        count(case when status >= 500 then 1 end) as failed_requests,
        count(case when status >= 500 then 1 end) / cast(count(*) as double) as error_rate,
        {% for percent in [50, 95, 99] %}
            percentile_cont(0.{{ percent }}) within group (order by milliseconds) as p{{ percent }}_milliseconds,
        {% endfor %}
        max(milliseconds) as max_milliseconds
    from requests
    group by model_name, model_version, arm, served_date

)

select * from final
