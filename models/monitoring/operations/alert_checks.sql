{{ config(
    materialized='incremental',
    unique_key=['as_of_date', 'model_name', 'kind'],
    full_refresh=false,
    post_hook="{{ delete_older(this, 'as_of_date', 365) }}"
) }}

{% set text = dbt.type_string() %}
{% set gold_tables = {
    'fact_booking_detail': {'staged': 'stg_bookings', 'date': 'created_date'},
    'fact_property_engagement': {'staged': 'stg_engagement', 'date': 'engagement_date'},
} %}
{% set feature_tables = ['destination_features', 'engagement_features', 'host_features', 'property_features', 'user_features'] %}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

policy as (

    select * from {{ ref('alert_policy') }}

),

operations as (

    select * from {{ ref('model_operations') }}

),

-- a table without any row before the point in time is not late: the platform has no such data
gold_days as (

    {% for table, read in gold_tables.items() %}
        select
            'stale_gold' as kind,
            '{{ table }}' as table_name,
            max({{ read.date }}) as newest_date
        from {{ ref(read.staged) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

feature_days as (

    {% for table in feature_tables %}
        select
            'stale_features' as kind,
            '{{ table }}' as table_name,
            max(features.feature_date) as newest_date
        from ({{ ref_if_built(table, ['feature_date']) }}) as features
        inner join clock on features.feature_date <= clock.as_of_date
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- gold is complete when it holds the day before the point in time
table_days as (

    select
        *,
        {{ dbt.datediff('newest_date', '(select as_of_date from clock)', 'day') }} - 1 as days_late
    from gold_days
    union all
    select
        *,
        {{ dbt.datediff('newest_date', '(select as_of_date from clock)', 'day') }} as days_late
    from feature_days

),

stalest as (

    select
        *,
        row_number() over (partition by kind order by days_late desc nulls last, table_name asc) as place
    from table_days

),

measured as (

    select
        'all' as model_name,
        kind,
        cast(days_late as double) as measured,
        table_name || ': newest day is ' || cast(newest_date as {{ text }}) || ', '
        || cast(days_late as {{ text }}) || ' days late' as evidence
    from stalest
    where place = 1
    union all
    select
        model_name,
        'failed_gate' as kind,
        cast(case when gate_state = 'red' then 1 else 0 end as double) as measured,
        verdict as evidence
    from operations
    -- a product that was never decided on is not in use; one that cannot be learned and never served has nothing to say
    union all
    select
        model_name,
        'missing_predictions' as kind,
        case
            when decided_on is null or (not_learnable is not null and last_scoring_date is null) then null
            when last_scoring_date is null then 1
            else cast({{ dbt.datediff('last_scoring_date', 'as_of_date', 'day') }} as double)
        end as measured,
        case
            when last_scoring_date is null then 'never scored, decided on ' || cast(decided_on as {{ text }})
            else 'newest predictions are of ' || cast(last_scoring_date as {{ text }}) || ', by v' || cast(serving_version as {{ text }})
        end as evidence
    from operations
    union all
    select
        model_name,
        'volume_drop' as kind,
        case when last_scoring_date = as_of_date then 1 - scored_rows / nullif(usual_rows, 0) end as measured,
        cast(scored_rows as {{ text }}) || ' rows scored, usually ' || {{ number_text('usual_rows') }} as evidence
    from operations
    union all
    select
        model_name,
        'drift' as kind,
        cast(drifted_features as double) as measured,
        drift_feature || ': PSI ' || {{ number_text('drift_psi') }}
        || case
            when drifted_features > 1 then ', and ' || cast(drifted_features - 1 as {{ text }}) || ' more'
            else ''
        end as evidence
    from operations
    union all
    select
        model_name,
        'degradation' as kind,
        cast(case when is_degraded then 1 else 0 end as double) as measured,
        quality_metric || ' ' || {{ number_text('quality_value') }} || ' in the week of ' || cast(quality_week as {{ text }})
        || ', in the backtest ' || coalesce({{ number_text('quality_backtest') }}, 'unknown')
        || ', baseline ' || coalesce({{ number_text('quality_baseline') }}, 'unknown') as evidence
    from operations

),

-- the most severe threshold that is reached
judged as (

    select
        measured.model_name,
        measured.kind,
        max(case when policy.severity = 'error' then 2 else 1 end) as severity_rank,
        max(policy.threshold) as threshold
    from measured
    inner join policy
        on measured.kind = policy.kind
        and measured.measured >= policy.threshold
    group by measured.model_name, measured.kind

),

final as (

    select
        clock.as_of_date,
        measured.model_name,
        measured.kind,
        judged.kind is not null as is_open,
        case judged.severity_rank when 2 then 'error' when 1 then 'warn' end as severity,
        measured.measured,
        judged.threshold,
        case when judged.kind is not null then measured.evidence end as evidence
    from measured
    cross join clock
    left join judged
        on measured.model_name = judged.model_name
        and measured.kind = judged.kind

)

select * from final
