{% set text = dbt.type_string() %}
{% set metrics = experiment_metrics() %}

with clock as (

    select * from {{ ref('point_in_time') }}

),

experiments as (

    select * from {{ ref('experiment_state') }}

),

assignments as (

    select assigned.*
    from {{ ref('ab_assignments') }} as assigned
    inner join clock on assigned.first_exposed <= clock.as_of_date

),

arms as (

    select * from {{ ref('experiment_arms') }}

),

-- rows of the seed, and experiments that have left it
listed as (

    select
        experiment_name,
        occurrence,
        model_name,
        unit,
        metric_name,
        control_version,
        treatment_version,
        treatment_share,
        start_date,
        end_date,
        min_rows,
        as_of_date,
        status,
        problem,
        cast(null as bigint) as orphaned_units
    from experiments
    union all
    select
        gone.experiment_name,
        1 as occurrence,
        gone.model_name,
        gone.unit,
        cast(null as {{ text }}) as metric_name,
        cast(null as int) as control_version,
        cast(null as int) as treatment_version,
        cast(null as double) as treatment_share,
        cast(null as date) as start_date,
        cast(null as date) as end_date,
        cast(null as bigint) as min_rows,
        clock.as_of_date,
        'invalid' as status,
        cast(null as {{ text }}) as problem,
        gone.orphaned_units
    from (
        select
            experiment_name,
            min(model_name) as model_name,
            min(unit) as unit,
            count(*) as orphaned_units
        from assignments
        where experiment_name not in (select experiment_name from experiments)
        group by experiment_name
    ) as gone
    cross join clock

),

counted as (

    select
        listed.experiment_name,
        listed.occurrence,
        listed.model_name,
        listed.unit,
        listed.metric_name,
        listed.control_version,
        listed.treatment_version,
        listed.treatment_share,
        listed.start_date,
        listed.end_date,
        listed.min_rows,
        listed.as_of_date,
        case
            {% for name, metric in metrics.items() %}
                when listed.metric_name = '{{ name }}' then {{ 'true' if metric.is_binary else 'false' }}
            {% endfor %}
        end as is_binary,
        case
            {% for name, metric in metrics.items() %}
                when listed.metric_name = '{{ name }}' then {{ 1 if metric.more_is_better else -1 }}
            {% endfor %}
        end as direction,
        case when listed.problem is null and coalesce(arms.changed_units, 0) = 0 then listed.status else 'invalid' end
            as status,
        case
            when listed.problem is not null then listed.problem
            when listed.orphaned_units > 0
                then
                    'the row is gone, but ' || cast(listed.orphaned_units as {{ text }})
                    || ' units were assigned; put it back, and end it by its end_date'
            when arms.changed_units > 0
                then
                    'its versions or share were changed after units were assigned, '
                    || cast(arms.changed_units as {{ text }})
                    || ' of which belonged to another arm or version; restore the row, end it by its end_date, and start'
                    || ' another under a new name'
        end as problem,
        coalesce(arms.control_units, 0) as control_units,
        coalesce(arms.treatment_units, 0) as treatment_units,
        coalesce(arms.control_converted, 0) as control_converted,
        coalesce(arms.treatment_converted, 0) as treatment_converted,
        {% for arm in ['control', 'treatment'] %}
            arms.{{ arm }}_sum / nullif(arms.{{ arm }}_units, 0) as {{ arm }}_mean,
            (arms.{{ arm }}_squares - arms.{{ arm }}_sum * arms.{{ arm }}_sum / nullif(arms.{{ arm }}_units, 0))
            / nullif(arms.{{ arm }}_units - 1, 0) as {{ arm }}_variance,
        {% endfor %}
        coalesce(arms.unit_days, 0) as unit_days,
        case when listed.treatment_share > 0 and listed.treatment_share < 1 then listed.treatment_share end as split,
        listed.min_rows / nullif(least(listed.treatment_share, 1 - listed.treatment_share), 0)
        * {{ dbt.datediff('listed.start_date', 'listed.end_date', 'day') }} as planned_unit_days
    from listed
    left join arms
        on listed.experiment_name = arms.experiment_name
        and listed.occurrence = 1

),

compared as (

    select
        *,
        treatment_mean - control_mean as difference,
        (treatment_mean - control_mean) / nullif(control_mean, 0) as relative_lift,
        nullif(
            control_variance / nullif(control_units, 0) + treatment_variance / nullif(treatment_units, 0), 0
        ) as squared_error,
        cast(control_converted + treatment_converted as double) / nullif(control_units + treatment_units, 0)
            as pooled_share,
        (control_units + treatment_units) * split as expected_treatment_units,
        7.936e0 * unit_days / nullif(planned_unit_days, 0) as progress
    from counted

),

tested as (

    select
        *,
        sqrt(squared_error) as standard_error,
        difference / sqrt(squared_error) as t,
        -- Welch and Satterthwaite
        squared_error * squared_error / nullif(
            power(control_variance / nullif(control_units, 0), 2) / nullif(control_units - 1, 0)
            + power(treatment_variance / nullif(treatment_units, 0), 2) / nullif(treatment_units - 1, 0),
            0
        ) as degrees_of_freedom,
        case
            when is_binary
                then
                    difference / nullif(
                        sqrt(
                            pooled_share * (1 - pooled_share)
                            * (1e0 / nullif(control_units, 0) + 1e0 / nullif(treatment_units, 0))
                        ),
                        0
                    )
        end as z,
        (treatment_units - expected_treatment_units)
        / nullif(sqrt(expected_treatment_units * (1 - split)), 0) as sample_ratio_z
    from compared

),

transformed as (

    select
        *,
        {{ student_t_as_normal('t', 'degrees_of_freedom') }} as t_as_normal,
        {{ student_t_critical('degrees_of_freedom') }} * standard_error as half_width,
        {{ always_valid_width('progress') }} * standard_error as sequential_half_width
    from tested

),

measured as (

    select
        *,
        {{ normal_p_value('t_as_normal') }} as welch_p_value,
        {{ normal_p_value('z') }} as proportions_p_value,
        {{ normal_p_value('sample_ratio_z') }} as sample_ratio_p_value,
        {{ always_valid_p_value('t', 'progress') }} as sequential_p_value,
        least(control_units, treatment_units) >= min_rows as has_min_rows
    from transformed

),

concluded as (

    select
        *,
        case
            when status in ('invalid', 'planned') then status
            when control_units + treatment_units = 0 then 'nobody_exposed'
            when sample_ratio_p_value < 0.001e0 then 'sample_ratio_mismatch'
            when not has_min_rows then 'too_few_units'
            when abs(difference) > sequential_half_width
                then case when difference * direction > 0 then 'treatment_better' else 'treatment_worse' end
            when status = 'ended' then 'no_difference_shown'
            else 'undecided'
        end as outcome
    from measured

),

final as (

    select
        experiment_name,
        occurrence,
        model_name,
        unit,
        metric_name,
        status,
        outcome,
        experiment_name || ': ' || {{ experiment_outcome_text() }} as verdict,
        problem,
        control_version,
        treatment_version,
        treatment_share,
        start_date,
        end_date,
        control_units,
        treatment_units,
        min_rows,
        has_min_rows,
        control_converted,
        treatment_converted,
        control_mean,
        treatment_mean,
        control_variance,
        treatment_variance,
        difference,
        relative_lift,
        t,
        degrees_of_freedom,
        welch_p_value,
        difference - half_width as difference_lower,
        difference + half_width as difference_upper,
        z,
        proportions_p_value,
        sample_ratio_z * sample_ratio_z as sample_ratio_chi_square,
        sample_ratio_p_value,
        unit_days,
        planned_unit_days,
        sequential_p_value,
        difference - sequential_half_width as sequential_lower,
        difference + sequential_half_width as sequential_upper,
        as_of_date
    from concluded

)

select * from final
