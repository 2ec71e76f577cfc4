{{ config(materialized='ephemeral') }}

with decision as (

    select * from {{ ref('conversion_retraining') }}

),

-- training and evaluation rows only when a fit is due
splits as (

    select
        splits.split,
        splits.first_engagement,
        splits.last_engagement,
        case splits.split
            when 'score' then null
            when 'train' then {{ var('conversion_training_rows') }}
            else {{ var('conversion_evaluation_rows') }}
        end as row_limit
    from {{ ref('conversion_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

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
