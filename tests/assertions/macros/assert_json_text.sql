with documents as (

    select
        'a_text' as field,
        '{"a_text": "x y", "a_number": 0.25, "a_flag": true, "nothing": null}' as document
    union all
    select
        'a_number' as field,
        '{"a_number": 0.25}' as document
    union all
    select
        'a_flag' as field,
        '{"a_flag": true}' as document
    union all
    select
        'nothing' as field,
        '{"nothing": null}' as document
    union all
    select
        'missing' as field,
        '{}' as document

)

select *
from documents
where
    {{ json_text('document', 'field') }}
    is distinct from case field when 'a_text' then 'x y' when 'a_number' then '0.25' when 'a_flag' then 'true' end
