{# a quarter that only fills curves and levels, and a month to correct them by; whether that is enough the back-test says #}
{% set least_days = 120 %}
{% set most_noise = var('revenue_most_noise') %}

with splits as (

    select * from {{ ref('revenue_splits') }}

),

bookings as (

    select
        check_in_date,
        cast(amount as double) as amount
    from {{ ref('stg_bookings') }}
    where cancelled_date is null

),

history as (

    select {{ dbt.datediff('min(first_date)', 'min(cutoff_date)', 'day') }} as days
    from splits
    where split = 'test'

),

-- bookings come one by one: a day's revenue is the sum of a Poisson number of amounts, whose standard deviation is the
-- root of the expected sum of squares
noise as (

    select sqrt(365 * sum(bookings.amount * bookings.amount)) / nullif(sum(bookings.amount), 0) as noise
    from bookings
    inner join splits
        on splits.split = 'score'
        and splits.cutoff_date > bookings.check_in_date
        and splits.cutoff_date <= bookings.check_in_date + 365

),

learnability as (

    select
        case
            when history.days is null then 'gold holds no booking before the point in time'
            when history.days < {{ least_days }}
                then
                    'too little history: '
                    || cast(greatest(history.days, 0) as {{ dbt.type_string() }})
                    || ' days of check-ins lie before the first test cut-off, {{ least_days }} are needed'
            when noise.noise is null then 'nothing was booked for the last year'
            when noise.noise > {{ most_noise }}
                then
                    'too few and too uneven bookings: even if the expectation of each day were known, chance alone moves its revenue by '
                    || {{ number_text('round(100 * noise.noise)') }}
                    || ' %, at most {{ (100 * most_noise) | round | int }} % are allowed'
        end as not_learnable
    from history
    cross join noise

)

{{ decide_retraining(product_revenue(), 'learnability') }}
