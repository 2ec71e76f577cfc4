{{ config(materialized='ephemeral') }}

with splits as (

    {{ due_splits('conversion', var('conversion_training_rows'), var('conversion_evaluation_rows')) }}

),

days as (

    select * from {{ ref('conversion_days') }}

),

split_sizes as (

    select
        splits.split,
        count(*) as eligible_rows
    from splits
    inner join {{ ref('stg_engagement') }} as engagement
        on splits.first_engagement <= engagement.engagement_date
        and splits.last_engagement >= engagement.engagement_date
    group by splits.split

),

-- rows are drawn whatever their label, or the probabilities would not be those of the platform
final as (

    select
        days.property_id,
        days.destination_id,
        days.engagement_date,
        days.day_number,
        days.views,
        days.unique_viewers,
        days.clicks,
        days.searches,
        days.time_on_page,
        days.bookings,
        days.views_365d,
        days.clicks_365d,
        days.converted_365d,
        days.nights_taken_7d,
        days.nights_taken_14d,
        days.nights_taken_30d,
        days.nights_taken_90d,
        days.nights_taken_180d,
        days.usual_free_nights_7d,
        days.usual_free_nights_14d,
        days.usual_free_nights_30d,
        days.usual_free_nights_90d,
        days.usual_free_nights_180d,
        splits.split
    from days
    inner join splits
        on days.engagement_date >= splits.first_engagement
        and days.engagement_date <= splits.last_engagement
    inner join split_sizes on splits.split = split_sizes.split
    where {{ is_sampled(
        ['days.property_id', 'days.day_number'], salt=3, most='splits.row_limit', rows='split_sizes.eligible_rows'
    ) }}

)

select * from final
