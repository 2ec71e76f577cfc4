{{ config(materialized='view') }}

with decision as (

    select * from {{ ref('cancellation_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

-- training and evaluation rows only when a fit is due
splits as (

    select
        splits.split,
        splits.first_check_in
    from {{ ref('cancellation_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

),

outcomes as (

    select *
    from {{ ref('cancellation_bookings') }}
    where label_known_date <= (select as_of_date from clock)

),

-- when those who cancel do so, in percent of the lead time: from arrivals of the year before each split
cancelled_before_arrival as (

    select
        splits.split,
        outcomes.lead_band,
        cast(
            floor(
                100 * {{ dbt.datediff('outcomes.created_date', 'outcomes.cancelled_date', 'day') }}
                / cast(outcomes.lead_days as double)
            ) as int
        ) as percent_elapsed
    from splits
    inner join outcomes
        on splits.first_check_in >= outcomes.label_known_date
        and splits.first_check_in <= outcomes.label_known_date + 365
    where outcomes.cancelled = 1 and outcomes.lead_days > 0

),

timing as (

    select
        split,
        lead_band,
        percent_elapsed,
        count(*) as cancellations
    from cancelled_before_arrival
    group by split, lead_band, percent_elapsed

),

final as (

    select
        split,
        lead_band,
        percent_elapsed,
        sum(cancellations) over so_far as cancellations_so_far,
        sum(cancellations) over (partition by split, lead_band) as cancellations
    from timing
    window
        so_far as (
            partition by split, lead_band order by percent_elapsed
            rows between unbounded preceding and current row
        )

)

select * from final
