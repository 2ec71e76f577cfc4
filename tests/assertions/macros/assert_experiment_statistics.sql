-- p-values and critical values of SciPy 1.17; of the confidence sequence, the formula worked out for progress 7.936
with cases as (

    select
        2.5e0 as statistic,
        5e0 as degrees,
        0.05449010e0 as t_p_value,
        2.570582e0 as critical,
        0.01241933e0 as normal_p_value
    union all
    select
        3e0 as statistic,
        1e0 as degrees,
        cast(null as double) as t_p_value,
        12.706205e0 as critical,
        0.00269980e0 as normal_p_value
    union all
    select
        -1.3e0 as statistic,
        37.4e0 as degrees,
        0.20155615e0 as t_p_value,
        2.025461e0 as critical,
        0.19360097e0 as normal_p_value
    union all
    select
        8e0 as statistic,
        1000000e0 as degrees,
        0e0 as t_p_value,
        1.959966e0 as critical,
        0e0 as normal_p_value

),

transformed as (

    select
        *,
        {{ student_t_as_normal('statistic', 'degrees') }} as deviate,
        7.936e0 as progress
    from cases

),

found as (

    select
        statistic,
        abs({{ normal_p_value('deviate') }} - t_p_value) as t_error,
        abs({{ student_t_critical('degrees') }} - critical) as critical_error,
        abs({{ normal_p_value('statistic') }} - normal_p_value) as normal_error,
        abs({{ always_valid_width('progress') }} - 3.0352e0) as width_error,
        {{ always_valid_width('progress') }} as width,
        progress
    from transformed

)

select 'of the statistic ' || cast(statistic as {{ dbt.type_string() }}) || ' a value is off' as message
from found
where
    t_error > 4e-7
    or critical_error > 3e-4
    or normal_error > 1e-8
    or width_error > 1e-4
    -- the ends of the sequence are where its p-value is 5 %
    or abs({{ always_valid_p_value('width', 'progress') }} - 0.05) > 1e-12
