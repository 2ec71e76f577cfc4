{{ config(materialized='ephemeral') }}

-- where nothing is to be scored, no fact is read
with clock as (

    select as_of_date
    from {{ ref('revenue_retraining') }}
    where score_due

),

final as (

    select
        destination_id,
        check_in_date,
        created_date,
        cancelled_date,
        cast(amount as double) as amount
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

)

select * from final
