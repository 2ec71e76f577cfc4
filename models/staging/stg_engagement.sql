{{ config(materialized='view') }}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

final as (

    select
        cast(property_id as bigint) as property_id,
        engagement_date,
        {{ believed_number('fact_property_engagement', 'view_count', low=0) }} as views,
        {{ believed_number('fact_property_engagement', 'unique_user_views', low=0) }} as unique_viewers,
        {{ believed_number('fact_property_engagement', 'click_count', low=0) }} as clicks,
        {{ believed_number('fact_property_engagement', 'search_count', low=0) }} as searches,
        {{ believed_number('fact_property_engagement', 'avg_time_on_page', low=0) }} as seconds_per_view
    from {{ gold('fact_property_engagement') }}
    where
        engagement_date < (select as_of_date from clock)
        and engagement_date >= cast('1990-01-01' as date)
        and property_id is not null

)

select * from final
