{{ config(materialized='ephemeral') }}

with listings as (

    select
        as_of_date,
        property_id
    from {{ ref('recommendations_listings') }}

),

versions as (

    select * from {{ ref('stg_property_texts') }}

),

final as (

    {{ as_of_join('listings', 'versions', ['property_id'], 'as_of_date', 'known_from', [
        'title', 'description', 'latitude', 'longitude',
    ]) }}

)

select * from final
