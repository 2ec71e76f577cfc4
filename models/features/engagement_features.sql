{{ config(materialized='incremental', unique_key=['property_id', 'feature_date']) }}

with refresh as (

    {{ refresh_window(longest=30) }}

),

engagement as (

    select
        cast(engagement.property_id as bigint) as property_id,
        engagement.engagement_date,
        engagement.view_count as views,
        engagement.unique_user_views as unique_viewers,
        engagement.click_count as clicks,
        engagement.search_count as searches,
        engagement.avg_time_on_page * engagement.view_count as seconds_on_page,
        case when engagement.avg_time_on_page is not null then engagement.view_count end as timed_views
    from {{ source('gold', 'fact_property_engagement') }} as engagement
    where
        engagement.engagement_date >= (select read_from from refresh)
        and engagement.engagement_date < (select as_of_date from refresh)

),

rolled as (

    {{ rolling_windows(
        'engagement', 'property_id', 'engagement_date',
        {
            'views': [7, 30],
            'unique_viewers': [7, 30],
            'clicks': [7, 30],
            'searches': [7, 30],
            'seconds_on_page': [30],
            'timed_views': [30],
        },
        until='(select as_of_date from refresh)'
    ) }}

),

final as (

    select
        property_id,
        feature_date,
        views_7d,
        views_30d,
        unique_viewers_7d,
        unique_viewers_30d,
        clicks_7d,
        clicks_30d,
        searches_7d,
        searches_30d,
        clicks_30d / nullif(views_30d, 0) as click_rate_30d,
        seconds_on_page_30d / nullif(timed_views_30d, 0) as time_on_page_30d
    from rolled
    where feature_date >= (select refresh_from from refresh)

)

select * from final
