{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

{% set text = dbt.type_string() %}

-- no rows of its own: macro record_registry_decision, which `wanderbricks registry` runs, appends them
with final as (

    select
        cast(null as int) as decision_id,
        cast(null as {{ text }}) as model_name,
        cast(null as int) as model_version,
        cast(null as {{ text }}) as action,
        cast(null as {{ text }}) as decided_by,
        cast(null as timestamp) as decided_at,
        cast(null as date) as as_of_date,
        cast(null as {{ text }}) as reason
    where 1 = 0

)

select * from final
