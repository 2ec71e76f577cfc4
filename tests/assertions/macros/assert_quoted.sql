with cases as (

    select
        {{ quoted("it's \\n or 'not'") }} as quoted,
        'it' || chr(39) || 's ' || chr(92) || 'n or ' || chr(39) || 'not' || chr(39) as spelt

)

select *
from cases
where quoted <> spelt or length(quoted) <> 16
