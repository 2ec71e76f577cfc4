with weeks as (

    select * from {{ ref('outcome_weeks') }}

),

outcomes as (

    {% for product in products() %}
        select * from {{ ref(product.product ~ '_outcomes') }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

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
        weeks.is_complete,
        weeks.as_of_date
    from outcomes
    inner join weeks
        on outcomes.model_name = weeks.model_name
        and outcomes.week_start = weeks.week_start
        and outcomes.part = weeks.part

)

select * from final
