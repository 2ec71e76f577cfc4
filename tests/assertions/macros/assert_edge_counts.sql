-- Places count the edges below a value; NaN and null are missing. A column without edges has one place.
with example_rows (size, weight, length) as (

    values
    (1, cast('NaN' as double), 1e0),
    (2, null, 2.5e0),
    (3, 7e0, null)

),

edges (feature_name, edge) as (

    values
    ('size', 2e0),
    ('size', 1.5e0),
    ('length', 2e0),
    ('length', cast('Infinity' as double))

),

counted as (

    {{ edge_counts('example_rows', ['size', 'weight', 'length'], 'edges') }}

),

-- an engine may say which places are empty
filled as (

    select *
    from counted
    where row_count > 0

),

expected (feature_name, place, row_count) as (

    values
    ('size', 0, 1),
    ('size', 1, 1),
    ('size', 2, 1),
    ('weight', -1, 2),
    ('weight', 0, 1),
    ('length', -1, 1),
    ('length', 0, 1),
    ('length', 1, 1)

)

select
    expected.feature_name as expected_name,
    expected.place as expected_place,
    expected.row_count as expected_count,
    filled.feature_name,
    filled.place,
    filled.row_count
from expected
full join filled
    on expected.feature_name = filled.feature_name
    and expected.place = filled.place
where expected.row_count is distinct from filled.row_count
