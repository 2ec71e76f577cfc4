with cases as (

    select
        1 as case_number,
        'b' as word
    union all
    select
        1 as case_number,
        'a' as word
    union all
    select
        2 as case_number,
        'c' as word
    union all
    select
        3 as case_number,
        cast(null as {{ dbt.type_string() }}) as word

),

joined as (

    select
        case_number,
        {{ joined_text('word') }} as found
    from cases
    group by case_number

)

select *
from joined
where found is distinct from case case_number when 1 then 'a, b' when 2 then 'c' end
