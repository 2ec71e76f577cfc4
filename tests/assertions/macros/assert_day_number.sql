-- 2000-01-01 is 10,957 days after 1970-01-01
with given as (

    select
        cast('2000-01-01' as date) as day,
        10957 as expected
    union all
    select
        cast('1970-01-01' as date) as day,
        0 as expected

)

select *
from given
where {{ day_number('day') }} <> expected
