{{ config(materialized='view') }}

with final as (

    select date as calendar_date
    from {{ source('gold', 'dim_date') }}

)

select * from final
