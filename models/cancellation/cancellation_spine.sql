{{ config(materialized='view') }}

-- where nothing is to be scored, no fact is read
with clock as (

    select as_of_date
    from {{ ref('cancellation_retraining') }}
    where score_due

),

splits as (

    {{ due_splits('cancellation', var('cancellation_training_rows'), var('cancellation_evaluation_rows')) }}

),

bookings as (

    select * from {{ ref('cancellation_bookings') }}

),

eligible as (

    select
        bookings.*,
        splits.split,
        splits.row_limit,
        clock.as_of_date as today,
        greatest(bookings.created_date, splits.first_check_in) as as_of_date,
        splits.first_check_in as split_begins,
        count(*) over (partition by splits.split) as eligible_rows
    from bookings
    cross join clock
    inner join splits
        on bookings.check_in_date >= splits.first_check_in
        and bookings.check_in_date <= splits.last_check_in
    where
        splits.split <> 'score'
        or bookings.cancelled_date is null
        or bookings.cancelled_date >= clock.as_of_date

),

-- rows are drawn whatever their label, or the probabilities would not be those of the platform
final as (

    select
        booking_id,
        user_id,
        host_id,
        property_id,
        destination_id,
        created_date,
        check_in_date,
        label_known_date,
        cancelled_date,
        lead_days,
        lead_band,
        nights,
        guests,
        total_amount,
        is_business_booking,
        bookings_alike,
        alike_band,
        {% for attribute in var('booking_attributes') %}
            attribute_{{ attribute }},
            text_{{ attribute }},
        {% endfor %}
        cancelled,
        baseline_probability,
        split,
        split_begins,
        as_of_date
    from eligible
    where {{ is_sampled(['booking_id'], salt=21, most='row_limit', rows='eligible_rows') }}

)

select * from final
