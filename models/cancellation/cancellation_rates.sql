with decision as (

    select * from {{ ref('cancellation_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

decided as (

    select
        'all' as platform,
        lead_band,
        check_in_date,
        1 as decided,
        cancelled
    from {{ ref('cancellation_made') }}
    where label_known_date <= (select as_of_date from clock)

),

rates_by_lead as (

    {{ rolling_windows(
        'decided', 'lead_band', 'check_in_date', {'decided': [365], 'cancelled': [365]}, until='(select as_of_date from clock)'
    ) }}

),

rates_of_all as (

    {{ rolling_windows(
        'decided', 'platform', 'check_in_date', {'decided': [365], 'cancelled': [365]}, until='(select as_of_date from clock)'
    ) }}

),

final as (

    select
        lead_band,
        feature_date,
        decided_365d,
        cancelled_365d
    from rates_by_lead
    union all
    select
        platform,
        feature_date,
        decided_365d,
        cancelled_365d
    from rates_of_all

)

select * from final
