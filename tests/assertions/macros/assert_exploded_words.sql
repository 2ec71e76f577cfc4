with listings as (

    select
        1 as listing,
        'Sea-view LOFT, 2 rooms' as title
    union all
    select
        2 as listing,
        'Été à Nice' as title

),

words as (

    select
        listing,
        {{ exploded_words('title') }} as word
    from listings

),

found as (

    select
        listing,
        {{ joined_text('word') }} as words
    from words
    group by listing

)

select *
from found
-- letters beyond ASCII sort alike on both engines: after the others
where words is distinct from case listing when 1 then '2, loft, rooms, sea, view' else 'nice, à, été' end
