-- depends_on: {{ ref('gold_checks') }}
{{ config(materialized='view') }}

with final as (

    select date as calendar_date
    from {{ gold('dim_date') }}

)

select * from final
