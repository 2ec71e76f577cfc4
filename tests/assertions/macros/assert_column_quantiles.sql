-- The smallest value with k tenths of the known values or more at or below it; of ten values these are all of them, of three
-- the share of the first is a third. NaN and null do not count, and equal quantiles are one.
with example_rows (ten, three, one) as (

    values
    (1, 30, 5e0),
    (2, 10, 5e0),
    (3, 20, null),
    (4, null, cast('NaN' as double)),
    (5, null, null),
    (6, null, null),
    (7, null, null),
    (8, null, null),
    (9, null, null),
    (10, null, null)

),

found as (

    {{ column_quantiles('example_rows', ['ten', 'three', 'one'], 10) }}

),

halves as (

    {{ column_quantiles('example_rows', ['ten', 'three', 'one'], 2) }}

),

summed as (

    select
        feature_name,
        10 as parts,
        count(*) as quantiles,
        sum(value) as total
    from found
    group by feature_name
    union all
    select
        feature_name,
        2 as parts,
        count(*) as quantiles,
        sum(value) as total
    from halves
    group by feature_name

),

expected (feature_name, parts, quantiles, total) as (

    values
    ('ten', 10, 10, 55e0),
    ('three', 10, 3, 60e0),
    ('one', 10, 1, 5e0),
    ('ten', 2, 3, 16e0),
    ('three', 2, 3, 60e0),
    ('one', 2, 1, 5e0)

)

select
    expected.feature_name as expected_name,
    expected.parts as expected_parts,
    expected.quantiles as expected_quantiles,
    expected.total as expected_total,
    summed.quantiles,
    summed.total
from expected
full join summed
    on expected.feature_name = summed.feature_name
    and expected.parts = summed.parts
where
    expected.quantiles is distinct from summed.quantiles
    or expected.total is distinct from summed.total
