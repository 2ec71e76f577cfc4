-- depends_on: {{ ref('gold_checks') }}

with final as (

    select
        cast(destination_id as bigint) as destination_id,
        destination,
        country
    from {{ gold('dim_destination') }}
    where destination_id is not null

)

select * from final
