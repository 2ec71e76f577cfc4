-- A degree of longitude at the equator, Paris to London, a point to itself, and one to its antipode.
with cases as (

    select
        {{ distance_km('0e0', '0e0', '0e0', '1e0') }} as found,
        111.195 as expected
    union all
    select
        {{ distance_km('48.8566e0', '2.3522e0', '51.5074e0', '-0.1278e0') }} as found,
        343.556 as expected
    union all
    select
        {{ distance_km('48.8566e0', '2.3522e0', '48.8566e0', '2.3522e0') }} as found,
        0 as expected
    union all
    select
        {{ distance_km('0e0', '0e0', '0e0', '180e0') }} as found,
        20015.087 as expected

)

select *
from cases
where found is null or abs(found - expected) > 0.01
