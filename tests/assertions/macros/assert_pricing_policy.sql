-- The thresholds of pricing_policy find what trying every level finds.
with elasticities as (

    select
        0.05 * row_number() over (order by date) as elasticity,
        0.1 as deviation
    from {{ source('gold', 'dim_date') }}
    order by date
    limit 60

),

levels as (

    {% for level in pricing_levels() if level | abs <= pricing_largest_change() %}
        select cast({{ level }} as double) / 100 as price_level
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

tried as (

    select
        elasticities.elasticity,
        levels.price_level,
        row_number() over (
            partition by elasticities.elasticity
            order by
                ln(1 + levels.price_level) - elasticities.elasticity * levels.price_level
                - {{ var('pricing_caution') }} * elasticities.deviation * abs(levels.price_level) desc
        ) as place
    from elasticities
    cross join levels

),

chosen as (

    select
        elasticity,
        deviation,
        {{ pricing_policy('elasticity', 'deviation') }} as price_level
    from elasticities

)

select
    chosen.elasticity,
    chosen.price_level,
    tried.price_level as best_level
from chosen
inner join tried on chosen.elasticity = tried.elasticity and tried.place = 1
where
    abs(chosen.price_level - case when chosen.deviation > 0.5 * chosen.elasticity then 0 else tried.price_level end) > 1e-9
