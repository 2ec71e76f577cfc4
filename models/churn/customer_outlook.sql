{{ config(tags=[product_churn().cadence], access='public', group='churn') }}

with valued as (

    {{ newest_predictions(
        ref('customer_ltv_predictions'),
        {'user_id': 'bigint', 'predicted_ltv_12m': 'double', 'ltv_segment': dbt.type_string()}
    ) }}

),

churning as (

    {{ newest_predictions(
        ref('churn_predictions'),
        {'user_id': 'bigint', 'churn_probability': 'double', 'will_churn': 'boolean', 'confidence': dbt.type_string()}
    ) }}

),

final as (

    select
        coalesce(valued.user_id, churning.user_id) as user_id,
        valued.predicted_ltv_12m,
        valued.ltv_segment,
        churning.churn_probability,
        churning.will_churn,
        churning.confidence,
        valued.scoring_date as ltv_scoring_date,
        churning.scoring_date as churn_scoring_date
    from valued
    full outer join churning on valued.user_id = churning.user_id

)

select * from final
