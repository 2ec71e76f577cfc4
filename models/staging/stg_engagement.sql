{{ config(materialized='view') }}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

final as (

    select
        cast(property_id as bigint) as property_id,
        engagement_date,
        view_count as views,
        unique_user_views as unique_viewers,
        click_count as clicks,
        search_count as searches,
        avg_time_on_page as seconds_per_view
    from {{ source('gold', 'fact_property_engagement') }}
    where engagement_date < (select as_of_date from clock)

)

select * from final
