{{ config(materialized='ephemeral') }}

with decision as (

    select * from {{ ref('revenue_retraining') }}

),

-- cut-offs of the backtest only when a fit is due
final as (

    select
        splits.split,
        splits.cutoff_date,
        splits.as_of_date
    from {{ ref('revenue_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

)

select * from final
