{% set horizon = 90 %}
{% set validation_step = 15 %}

-- Rolling origins. At each cut-off the recipe is fitted on the days before it and judged on the 90 days after it; the
-- newest test cut-off's 90 days end the day before the point in time, and those of validation end before the first
-- test cut-off. With enough history for a yearly season at the first cut-off, the test cut-offs lie 30 days apart and
-- so cover eight months, else 15 days.
with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

history as (

    select
        clock.as_of_date,
        min(bookings.check_in_date) as first_date
    from clock
    left join {{ ref('stg_bookings') }} as bookings on clock.as_of_date > bookings.check_in_date
    group by clock.as_of_date

),

origins as (

    {% for number in range(6) %}
        select
            'test' as split,
            {{ number }} as number
        union all
    {% endfor %}
    {% for number in range(3) %}
        select
            'validation' as split,
            {{ number }} as number
        union all
    {% endfor %}
    select
        'score' as split,
        0 as number

),

stepped as (

    select
        *,
        case when first_date <= as_of_date - {{ 730 + 91 + 5 * 30 + 92 + 2 * validation_step }} then 30 else 15 end
            as step_days
    from history

),

final as (

    select
        stepped.as_of_date,
        origins.split,
        case origins.split
            when 'score' then stepped.as_of_date
            when 'test' then stepped.as_of_date - {{ horizon + 1 }} - origins.number * stepped.step_days
            else
                stepped.as_of_date
                - {{ horizon + 1 }} - 5 * stepped.step_days
                - {{ horizon + 2 }} - origins.number * {{ validation_step }}
        end as cutoff_date,
        stepped.first_date,
        {{ horizon }} as horizon_days
    from stepped
    cross join origins

)

select * from final
