with cases as (

    select
        cast(3 as double) as given,
        '3' as expected
    union all
    select
        cast(0.1 + 0.2 as double) as given,
        '0.3' as expected
    union all
    select
        cast(-10.25 as double) as given,
        '-10.25' as expected
    union all
    select
        cast(100 as double) as given,
        '100' as expected
    union all
    select
        cast(0.0001 as double) as given,
        '0.0001' as expected
    union all
    select
        cast('nan' as double) as given,
        'NaN' as expected
    union all
    select
        cast('-infinity' as double) as given,
        '-infinite' as expected
    union all
    select
        cast(1e300 as double) as given,
        'over 1e23' as expected
    union all
    select
        cast(null as double) as given,
        cast(null as {{ dbt.type_string() }}) as expected

)

select
    given,
    expected,
    {{ number_text('given') }} as found
from cases
where {{ number_text('given') }} is distinct from expected
