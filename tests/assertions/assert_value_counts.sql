-- Missing values and NaN are counted as one, each column by itself.
with example_rows as (

    select
        cast(1 as double) as size,
        cast('NaN' as double) as weight,
        'a' as kind
    union all
    select
        1 as size,
        null as weight,
        null as kind
    union all
    select
        null as size,
        2 as weight,
        'a' as kind

),

counted as (

    {{ value_counts('example_rows', ['size', 'weight'], ['kind']) }}

),

expected as (

    select
        'size' as feature_name,
        cast(1 as double) as value,
        cast(null as {{ dbt.type_string() }}) as level,
        2 as row_count
    union all
    select
        'size' as feature_name,
        cast(null as double) as value,
        cast(null as {{ dbt.type_string() }}) as level,
        1 as row_count
    union all
    select
        'weight' as feature_name,
        cast(null as double) as value,
        cast(null as {{ dbt.type_string() }}) as level,
        2 as row_count
    union all
    select
        'weight' as feature_name,
        cast(2 as double) as value,
        cast(null as {{ dbt.type_string() }}) as level,
        1 as row_count
    union all
    select
        'kind' as feature_name,
        cast(null as double) as value,
        cast('a' as {{ dbt.type_string() }}) as level,
        2 as row_count
    union all
    select
        'kind' as feature_name,
        cast(null as double) as value,
        cast(null as {{ dbt.type_string() }}) as level,
        1 as row_count

)

(
    select
        feature_name,
        value,
        level,
        row_count
    from counted
    except
    select
        feature_name,
        value,
        level,
        row_count
    from expected
)
union all
(
    select
        feature_name,
        value,
        level,
        row_count
    from expected
    except
    select
        feature_name,
        value,
        level,
        row_count
    from counted
)
