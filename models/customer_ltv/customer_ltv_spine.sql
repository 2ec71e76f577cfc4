{{ config(materialized='ephemeral') }}

with splits as (

    {{ due_splits('customer_ltv', var('customer_ltv_training_rows'), var('customer_ltv_evaluation_rows'), learn='learn') }}

),

snapshots as (

    select
        split,
        snapshot_date as as_of_date,
        label_known_date,
        {{ dbt.datediff('first_booking_date', 'snapshot_date', 'day') }} as history_days,
        row_limit
    from splits

),

users as (

    {{ known_users() }}

),

eligible as (

    select
        users.user_id,
        users.known_from,
        snapshots.*,
        count(*) over (partition by snapshots.split) as eligible_rows
    from snapshots
    inner join users
        on snapshots.as_of_date >= users.known_from
        and snapshots.as_of_date <= users.known_until

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
