-- fails for every tenth of [0, 1) that holds less than 9 or more than 11 % of 40,000 pairs
with numbers as (

    select row_number() over (order by country, calendar_date) as number
    from {{ ref('calendar_features') }}

),

pairs as (

    select
        properties.number as property_id,
        days.number as day_number
    from numbers as properties
    cross join numbers as days
    where properties.number <= 200 and days.number <= 200

),

drawn as (

    select {{ hash_fraction(['property_id', 'day_number'], salt=1) }} as fraction
    from pairs

),

tenths as (

    select
        cast(floor(10 * fraction) as int) as tenth,
        count(*) as pair_count
    from drawn
    group by 1

)

select 'tenth ' || cast(tenth as {{ dbt.type_string() }}) || ' holds ' || cast(pair_count as {{ dbt.type_string() }}) as message
from tenths
where pair_count not between 3600 and 4400 or tenth not between 0 and 9
