{{ config(materialized='ephemeral') }}

{% set horizon = 90 %}

with cutoffs as (

    select * from {{ ref('revenue_cutoffs') }}

),

destinations as (

    select * from {{ ref('revenue_destinations') }}

),

calendar as (

    select calendar_date as forecast_date
    from {{ ref('stg_dates') }}

),

-- one row for each day of history, seen from one snapshot 1 to {{ horizon }} days before it, and for each day ahead
final as (

    select
        cutoffs.split,
        cutoffs.cutoff_date as as_of_date,
        destinations.destination_id,
        destinations.country,
        destinations.first_date,
        calendar.forecast_date,
        cast({{ dbt.datediff('cutoffs.cutoff_date', 'calendar.forecast_date', 'day') }} as int) as horizon_days,
        case
            when calendar.forecast_date > cutoffs.cutoff_date
                then cast({{ dbt.datediff('cutoffs.cutoff_date', 'calendar.forecast_date', 'day') }} as int)
            else 1 + cast(floor({{ horizon }} * {{ hash_fraction([day_number('calendar.forecast_date')], salt=3) }}) as int)
        end as lead_days,
        -- labels of history are those known at the cut-off, labels of the future those known now
        case when calendar.forecast_date > cutoffs.cutoff_date then cutoffs.as_of_date else cutoffs.cutoff_date end
            as label_as_of
    from cutoffs
    inner join destinations on cutoffs.cutoff_date > destinations.first_date
    inner join calendar
        on destinations.first_date <= calendar.forecast_date
        and cutoffs.cutoff_date + {{ horizon }} >= calendar.forecast_date
        and cutoffs.cutoff_date <> calendar.forecast_date

)

select * from final
