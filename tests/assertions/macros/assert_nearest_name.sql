-- A name that is misspelt is found, one that is like no other is not.
{% set declared = ['as_of', 'retrain', 'tune', 'booking_attributes'] %}
{% set cases = {
    'retrian': 'retrain', 'asof': 'as_of', 'tun': 'tune', 'boking_atributes': 'booking_attributes', 'colour': none
} %}

with found as (

    {% for name, expected in cases.items() %}
        select
            '{{ name }}' as name,
            '{{ nearest_name(name, declared) }}' as nearest,
            '{{ expected }}' as expected
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

distances as (

    select
        {{ edit_distance('kitten', 'sitting') }} as substituted_and_appended,
        {{ edit_distance('', 'four') }} as from_nothing,
        {{ edit_distance('same', 'same') }} as to_itself

)

select name
from found
where nearest <> expected
union all
select 'edit_distance' as name
from distances
where substituted_and_appended <> 3 or from_nothing <> 4 or to_itself <> 0
