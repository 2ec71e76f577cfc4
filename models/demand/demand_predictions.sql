{{ public_table(product_demand()) }}

with scores as (

    {{ not_yet_published(ref('demand_scores'), ref('demand_champion'), 'property_id') }}

),

final as (

    select
        scores.property_id,
        scores.check_in_date,
        scores.destination_id,
        scores.predicted_bookings,
        scores.model_name,
        scores.model_version,
        scores.as_of_date,
        scores.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        scores.rule_bookings as baseline_bookings
    from scores

)

select * from final
