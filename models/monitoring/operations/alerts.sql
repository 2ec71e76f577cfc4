{{ config(materialized='view') }}

with checks as (

    select recorded.*
    from {{ ref('alert_checks') }} as recorded
    inner join {{ ref('point_in_time') }} as clock on recorded.as_of_date <= clock.as_of_date

),

inventory as (

    select * from {{ ref('model_inventory') }}

),

open_checks as (

    select *
    from checks
    where is_open and as_of_date = (select max(newest.as_of_date) from checks as newest)

),

-- the day on which a check was last in order, if ever
closed as (

    select
        model_name,
        kind,
        max(as_of_date) as closed_date
    from checks
    where not is_open
    group by model_name, kind

),

runs as (

    select
        checks.model_name,
        checks.kind,
        min(checks.as_of_date) as since
    from checks
    left join closed
        on checks.model_name = closed.model_name
        and checks.kind = closed.kind
    where closed.closed_date is null or checks.as_of_date > closed.closed_date
    group by checks.model_name, checks.kind

),

final as (

    select
        open_checks.severity,
        open_checks.model_name,
        open_checks.kind,
        runs.since,
        {{ dbt.datediff('runs.since', 'open_checks.as_of_date', 'day') }} + 1 as days_open,
        open_checks.evidence,
        open_checks.measured,
        open_checks.threshold,
        inventory.owner,
        open_checks.as_of_date
    from open_checks
    inner join runs
        on open_checks.model_name = runs.model_name
        and open_checks.kind = runs.kind
    left join inventory on open_checks.model_name = inventory.model_name

)

select * from final
