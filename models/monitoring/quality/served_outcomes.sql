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
        outcomes.*,
        weeks.is_complete,
        weeks.as_of_date
    from outcomes
    inner join weeks
        on outcomes.model_name = weeks.model_name
        and outcomes.week_start = weeks.week_start
        and outcomes.part = weeks.part

)

select * from final
