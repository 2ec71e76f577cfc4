{% set moment = adapter.quote('timestamp') %}

with page_views as (

    -- view_id says nothing: rows that are alike in all are one view
    select distinct
        view_id,
        user_id,
        property_id,
        {{ moment }} as seen_at
    from {{ source('samples', 'page_views') }}

),

events as (

    select distinct
        user_id,
        property_id,
        lower(trim(event)) as event,
        {{ moment }} as seen_at
    from {{ source('samples', 'clickstream') }}

),

-- the views are those of page_views; clickstream repeats some of them
seen as (

    select
        property_id,
        user_id,
        'view' as event,
        seen_at
    from page_views
    union all
    select
        property_id,
        user_id,
        event,
        seen_at
    from events
    where event in ('click', 'search')

),

daily as (

    select
        cast(property_id as bigint) as property_id,
        cast(seen_at as date) as engagement_date,
        count(*) filter (where event = 'view') as view_count,
        count(distinct case when event = 'view' then user_id end) as unique_user_views,
        count(*) filter (where event = 'click') as click_count,
        count(*) filter (where event = 'search') as search_count
    from seen
    where property_id is not null and seen_at is not null
    group by cast(property_id as bigint), cast(seen_at as date)

),

final as (

    select
        property_id,
        engagement_date,
        view_count,
        unique_user_views,
        click_count,
        search_count,
        cast(least(coalesce(100 * cast(click_count as double) / nullif(view_count, 0), 0), 100) as decimal(5, 2))
            as conversion_rate,
        -- raw does not say how long somebody looked
        cast(null as decimal(10, 2)) as avg_time_on_page,
        cast({{ dbt.dateadd('second', 86399, 'cast(engagement_date as timestamp)') }} as timestamp) as record_created_timestamp,
        cast({{ dbt.dateadd('second', 86399, 'cast(engagement_date as timestamp)') }} as timestamp) as record_updated_timestamp
    from daily

)

select * from final
