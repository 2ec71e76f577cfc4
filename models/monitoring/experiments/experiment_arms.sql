{{ config(materialized='view') }}

{% set metrics = experiment_metrics() %}

with clock as (

    select * from {{ ref('point_in_time') }}

),

experiments as (

    select * from {{ ref('experiment_state') }}

),

assignments as (

    select assigned.*
    from {{ ref('ab_assignments') }} as assigned
    inner join clock on assigned.first_exposed <= clock.as_of_date

),

known_bookings as (

    select
        booking_id,
        user_id,
        property_id,
        created_date,
        coalesce(amount, 0) as amount,
        cancelled_date is not null as is_cancelled
    from {{ ref('stg_bookings') }}

),

bookings as (

    {% for unit in ['user_id', 'property_id'] %}
        select
            '{{ unit }}' as unit,
            {{ unit }} as unit_id,
            booking_id,
            created_date,
            amount,
            is_cancelled
        from known_bookings
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

exposed as (

    select
        assignments.experiment_name,
        assignments.unit,
        assignments.unit_id,
        assignments.arm,
        assignments.first_exposed,
        experiments.metric_name,
        least(experiments.end_date, experiments.as_of_date) as observed_until,
        (assignments.bucket < 10000 * experiments.treatment_share) = (assignments.arm = 'treatment')
        and assignments.model_version
        = case assignments.arm when 'treatment' then experiments.treatment_version else experiments.control_version end
            as is_as_planned
    from assignments
    inner join experiments
        on assignments.experiment_name = experiments.experiment_name
        and experiments.occurrence = 1

),

-- one row a unit: what it did from its first exposure on
outcomes as (

    select
        exposed.experiment_name,
        exposed.unit_id,
        exposed.arm,
        exposed.is_as_planned,
        {{ dbt.datediff('exposed.first_exposed', 'exposed.observed_until', 'day') }} as observed_days,
        cast(
            case exposed.metric_name
                {% for name, metric in metrics.items() %}
                    when '{{ name }}' then {{ metric.value }}
                {% endfor %}
            end as decimal(18, 2)
        ) as outcome
    from exposed
    left join bookings
        on exposed.unit = bookings.unit
        and exposed.unit_id = bookings.unit_id
        and exposed.first_exposed <= bookings.created_date
        and exposed.observed_until > bookings.created_date
    group by
        exposed.experiment_name,
        exposed.unit_id,
        exposed.arm,
        exposed.is_as_planned,
        exposed.metric_name,
        exposed.first_exposed,
        exposed.observed_until

),

-- decimals add up to the same whatever the order
final as (

    select
        experiment_name,
        cast(sum(observed_days) as bigint) as unit_days,
        count(case when not is_as_planned then unit_id end) as changed_units,
        {% for arm in ['control', 'treatment'] %}
            count(case when arm = '{{ arm }}' then unit_id end) as {{ arm }}_units,
            count(case when arm = '{{ arm }}' and outcome > 0 then unit_id end) as {{ arm }}_converted,
            cast(sum(case when arm = '{{ arm }}' then outcome end) as double) as {{ arm }}_sum,
            cast(sum(case when arm = '{{ arm }}' then cast(outcome * outcome as decimal(38, 4)) end) as double)
                as {{ arm }}_squares{{ ',' if not loop.last }}
        {% endfor %}
    from outcomes
    group by experiment_name

)

select * from final
