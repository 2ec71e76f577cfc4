-- Either engine says whether someone reads along.
with found as (

    select {{ on_terminal() }} as is_terminal

)

select *
from found
where is_terminal is null
