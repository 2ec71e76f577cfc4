-- Missing values and NaN are counted as one, each column by itself.
with example_rows as (

    select cast(1 as double) as size, cast('NaN' as double) as weight, 'a' as kind
    union all
    select 1, null, null
    union all
    select null, 2, 'a'

),

counted as (

    {{ value_counts('example_rows', ['size', 'weight'], ['kind']) }}

),

expected as (

    select 'size' as feature_name, cast(1 as double) as value, cast(null as {{ dbt.type_string() }}) as level, 2 as row_count
    union all
    select 'size', null, null, 1
    union all
    select 'weight', null, null, 2
    union all
    select 'weight', cast(2 as double), null, 1
    union all
    select 'kind', null, 'a', 2
    union all
    select 'kind', null, null, 1

)

(
    select feature_name, value, level, row_count from counted
    except
    select feature_name, value, level, row_count from expected
)
union all
(
    select feature_name, value, level, row_count from expected
    except
    select feature_name, value, level, row_count from counted
)
