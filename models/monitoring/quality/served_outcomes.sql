with weeks as (

    select * from {{ ref('outcome_weeks') }}

),

outcomes as (

    {% for product in products() %}
        select * from {{ ref(product.product ~ '_outcomes') }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- rows that were answered in real time as they were published
asked as (

    select distinct
        log.model_name,
        log.model_version,
        log.served_key
    from {{ ref('stg_inference_log') }} as log
    where log.is_by_key and log.arm = 'champion'

),

final as (

    select
        outcomes.model_name,
        outcomes.week_start,
        outcomes.part,
        outcomes.model_version,
        outcomes.scoring_date,
        outcomes.label_date,
        outcomes.unit_id,
        outcomes.item_id,
        outcomes.group_id,
        outcomes.segment,
        outcomes.prediction,
        outcomes.baseline,
        outcomes.lower_80,
        outcomes.upper_80,
        outcomes.is_called,
        outcomes.label,
        asked.served_key is not null as is_asked,
        weeks.is_complete,
        weeks.as_of_date
    from outcomes
    inner join weeks
        on outcomes.model_name = weeks.model_name
        and outcomes.week_start = weeks.week_start
        and outcomes.part = weeks.part
    left join asked
        on outcomes.model_name = asked.model_name
        and outcomes.model_version = asked.model_version
        and outcomes.served_key = asked.served_key

)

select * from final
