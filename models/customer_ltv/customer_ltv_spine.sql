{{ config(materialized='ephemeral') }}

with decision as (

    select * from {{ ref('customer_ltv_retraining') }}

),

-- rows to learn from and to test on only when a fit is due
snapshots as (

    select
        splits.split,
        splits.snapshot_date as as_of_date,
        splits.label_known_date,
        {{ dbt.datediff('splits.first_booking_date', 'splits.snapshot_date', 'day') }} as history_days,
        case splits.split
            when 'learn' then {{ var('customer_ltv_training_rows') }}
            when 'test' then {{ var('customer_ltv_evaluation_rows') }}
            when 'reference' then {{ var('customer_ltv_evaluation_rows') }}
        end as row_limit
    from {{ ref('customer_ltv_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

),

user_features as (

    select * from {{ ref('user_features') }}

),

users as (

    select
        user_id,
        min(feature_date) as known_from
    from user_features
    group by user_id

),

eligible as (

    select
        users.user_id,
        users.known_from,
        snapshots.*,
        count(*) over (partition by snapshots.split) as eligible_rows
    from snapshots
    inner join users on snapshots.as_of_date >= users.known_from

),

-- whole users are sampled and held out, so that no user is on both sides
final as (

    select
        user_id,
        as_of_date,
        known_from,
        label_known_date,
        history_days,
        case
            when split <> 'learn' then split
            when {{ hash_fraction(['user_id'], salt=11) }} < 0.2 then 'validation'
            else 'train'
        end as split
    from eligible
    where {{ is_sampled(['user_id'], salt=12, most='row_limit', rows='eligible_rows') }}

)

select * from final
