-- Missing values and NaN are counted as one, each column by itself.
with example_rows (size, weight, kind) as (

    values
    (1, cast('NaN' as double), 'a'),
    (1, null, null),
    (null, 2, 'a')

),

counted as (

    {{ value_counts('example_rows', ['size', 'weight'], ['kind']) }}

),

expected (feature_name, value, level, row_count) as (

    values
    ('size', 1, null, 2),
    ('size', null, null, 1),
    ('weight', null, null, 2),
    ('weight', 2, null, 1),
    ('kind', null, 'a', 2),
    ('kind', null, null, 1)

)

select
    counted.feature_name,
    counted.value,
    counted.level,
    counted.row_count,
    expected.feature_name as expected_name,
    expected.value as expected_value,
    expected.level as expected_level,
    expected.row_count as expected_count
from counted
full join expected
    on counted.feature_name = expected.feature_name
    and counted.value is not distinct from expected.value
    and counted.level is not distinct from expected.level
where counted.row_count is distinct from expected.row_count
