-- the buckets that wanderbricks_ml.experiments.bucket computes, whatever the engine
with cases as (

    select
        'seasons' as experiment_name,
        cast(1 as bigint) as unit,
        5605 as expected
    union all
    select
        'seasons' as experiment_name,
        cast(2 as bigint) as unit,
        1658 as expected
    union all
    select
        'shorter_lists' as experiment_name,
        cast(8 as bigint) as unit,
        895 as expected

)

select
    experiment_name || ', ' || cast(unit as {{ dbt.type_string() }}) || ' is in bucket '
    || cast({{ experiment_bucket('experiment_name', 'unit') }} as {{ dbt.type_string() }}) as message
from cases
where
    {{ experiment_bucket('experiment_name', 'unit') }} <> expected
    or {{ is_treated('experiment_name', '0.9e0', 'cast(null as bigint)') }}
