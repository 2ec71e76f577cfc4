{{ config(materialized='incremental', unique_key=['property_id', 'feature_date']) }}

with refresh as (

    {{ refresh_window(longest=30) }}

),

engagement as (

    select
        property_id,
        engagement_date,
        views,
        unique_viewers,
        clicks,
        searches,
        seconds_per_view * views as seconds_on_page,
        case when seconds_per_view is not null then views end as timed_views
    from {{ ref('stg_engagement') }}
    where engagement_date >= (select read_from from refresh)

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
