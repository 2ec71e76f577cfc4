-- Missing levels are counted, each column by itself.
with example_rows (kind, form) as (

    values
    ('a', null),
    ('a', 'b'),
    (null, 'a')

),

counted as (

    {{ level_counts('example_rows', ['kind', 'form']) }}

),

expected (feature_name, level, row_count) as (

    values
    ('kind', 'a', 2),
    ('kind', null, 1),
    ('form', null, 1),
    ('form', 'b', 1),
    ('form', 'a', 1)

)

select
    expected.feature_name as expected_name,
    expected.level as expected_level,
    expected.row_count as expected_count,
    counted.feature_name,
    counted.level,
    counted.row_count
from expected
full join counted
    on expected.feature_name = counted.feature_name
    and expected.level is not distinct from counted.level
where expected.row_count is distinct from counted.row_count
