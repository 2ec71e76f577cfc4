{{ config(materialized='ephemeral') }}

with served as (

    {{ served_in_weeks(product_cancellation()) }}

),

clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

bookings as (

    {{ bookings_of_weeks() }}

),

scoring_gaps as (

    select
        scoring_date,
        greatest(
            coalesce(lag(scoring_date) over (order by scoring_date), scoring_date - 1), scoring_date - 7
        ) as scored_before
    from (
        select distinct scoring_date from ({{ ref_if_built('cancellation_predictions', ['scoring_date']) }}) as predictions
    ) as days

),

-- a booking counts once, when it is scored for the first time and within a week, as the back-test has it: one that is
-- scored again has survived, and is less likely to be cancelled than the probability says
labelled as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.check_in_date,
        served.cancellation_probability,
        served.baseline_probability as rule_probability,
        -- rows of an earlier day have the call when made under the other name
        coalesce(served.called_when_made, served.predicted_cancellation) as called_when_made,
        case when bookings.cancelled_date <= bookings.check_in_date then 1 else 0 end as cancelled
    from served
    inner join scoring_gaps on served.scoring_date = scoring_gaps.scoring_date
    inner join bookings
        on served.booking_id = bookings.booking_id
        and scoring_gaps.scored_before <= bookings.created_date
        and bookings.check_in_date < (select as_of_date from clock)
    where
        {{ dbt.datediff('bookings.created_date', 'bookings.check_in_date', 'day') }}
        between served.first_unit and served.last_unit

)

{{ outcome_rows('labelled', product_cancellation(), {
    'label_date': 'check_in_date', 'is_called': 'called_when_made',
    'served_key': 'served_key'
}) }}
