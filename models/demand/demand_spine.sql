{% set horizon = demand_horizon() %}

with splits as (

    {{ due_splits('demand', var('demand_training_rows'), var('demand_evaluation_rows')) }}

),

listings as (

    select
        property_id,
        min(known_from) as known_from,
        -- a property is on offer until its last version ends
        max(coalesce(ended_date, cast('9999-12-31' as date))) as offered_until
    from {{ ref('property_versions') }}
    group by property_id

),

calendar as (

    select calendar_date as check_in_date
    from {{ ref('stg_dates') }}

),

-- rows per split, to know the share that is sampled before any join
split_sizes as (

    select
        splits.split,
        sum(
            greatest(
                {{ dbt.datediff(
                    'greatest(splits.first_check_in, listings.known_from + 1)', 'least(splits.last_check_in, listings.offered_until)', 'day'
                ) }} + 1,
                0
            )
        ) as eligible_rows
    from splits
    cross join listings
    group by splits.split

),

dates as (

    select
        splits.split,
        splits.as_of_date as scored_as_of,
        calendar.check_in_date,
        splits.row_limit,
        split_sizes.eligible_rows
    from splits
    inner join split_sizes on splits.split = split_sizes.split
    inner join calendar
        on calendar.check_in_date >= splits.first_check_in
        and calendar.check_in_date <= splits.last_check_in

),

sampled as (

    select
        listings.property_id,
        listings.known_from,
        dates.check_in_date,
        dates.split,
        dates.scored_as_of
    from dates
    inner join listings
        on listings.known_from < dates.check_in_date
        and listings.offered_until >= dates.check_in_date
    where {{ is_sampled(
        ['listings.property_id', day_number('dates.check_in_date')], salt=1, most='dates.row_limit', rows='dates.eligible_rows'
    ) }}

),

snapshots as (

    select
        property_id,
        known_from,
        check_in_date,
        split,
        case
            when split = 'score' then scored_as_of
            else
                check_in_date
                - cast(1 + floor({{ horizon }} * {{ hash_fraction(['property_id', day_number('check_in_date')], salt=2) }}) as int)
        end as as_of_date
    from sampled

),

final as (

    select
        property_id,
        check_in_date,
        as_of_date,
        split,
        cast({{ dbt.datediff('as_of_date', 'check_in_date', 'day') }} as double) as horizon_days
    from snapshots
    where as_of_date >= known_from

)

select * from final
