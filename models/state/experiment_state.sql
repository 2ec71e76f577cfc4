{% set text = dbt.type_string() %}
{% set metrics = experiment_metrics().keys() | list %}

with clock as (

    select * from {{ ref('point_in_time') }}

),

model_state as (

    select * from {{ ref('model_state') }}

),

experiments as (

    select
        experiment_name,
        model_name,
        unit,
        metric_name,
        try_cast(control_version as int) as control_version,
        try_cast(treatment_version as int) as treatment_version,
        try_cast(treatment_share as double) as treatment_share,
        try_cast(start_date as date) as start_date,
        try_cast(end_date as date) as end_date,
        try_cast(min_rows as bigint) as min_rows,
        cast(
            row_number() over (partition by experiment_name order by start_date, end_date, model_name) as int
        ) as occurrence
    from {{ ref('experiments') }}

),

-- what is wrong with a row by itself
checked as (

    select
        experiments.*,
        clock.as_of_date,
        model_state.reigning_version,
        concat_ws(
            '; ',
            case when experiments.experiment_name is null then 'experiment_name is empty' end,
            case when experiments.occurrence > 1 then 'the name occurs twice; give each experiment a name of its own' end,
            case
                when model_state.model_name is null
                    then 'model_name ' || coalesce(experiments.model_name, 'is empty and') || ' is not in seeds/model_inventory.csv'
            end,
            {% for arm in ['control', 'treatment'] %}
                case
                    when experiments.{{ arm }}_version is null then '{{ arm }}_version is not a whole number'
                    when
                        model_state.model_name is not null
                        and ', ' || coalesce(model_state.known_versions, '') || ',' not like
                        '%, ' || cast(experiments.{{ arm }}_version as {{ text }}) || ',%'
                        then
                            '{{ arm }}_version ' || cast(experiments.{{ arm }}_version as {{ text }})
                            || ' was never fitted or is archived; known are ' || coalesce(model_state.known_versions, 'none')
                end,
            {% endfor %}
            case
                when experiments.control_version = experiments.treatment_version
                    then 'control_version and treatment_version are the same'
            end,
            case
                when not coalesce(experiments.treatment_share > 0 and experiments.treatment_share < 1, false)
                    then 'treatment_share has to be above 0 and below 1'
            end,
            case
                {% for row in products() %}
                    when experiments.model_name = '{{ row.model_name }}'
                        {% if row.units %}
                            and coalesce(experiments.unit not in ('{{ row.units | join("', '") }}'), true)
                            then
                                'unit ' || coalesce(experiments.unit, 'is empty and') || ' is not in {{ row.predictions }};'
                                || ' take {{ row.units | join(" or ") }}'
                        {% else %}
                            then 'predictions of {{ row.model_name }} can be split by no unit'
                        {% endif %}
                {% endfor %}
            end,
            case
                when coalesce(experiments.metric_name not in ('{{ metrics | join("', '") }}'), true)
                    then 'metric_name has to be one of {{ metrics | join(", ") }}'
            end,
            case when experiments.start_date is null then 'start_date is not a date like 2025-07-01' end,
            case when experiments.end_date is null then 'end_date is not a date like 2025-07-29' end,
            case when experiments.start_date >= experiments.end_date then 'end_date has to lie after start_date' end,
            case
                when not coalesce(experiments.min_rows >= 2, false)
                    then 'min_rows has to be a whole number, 2 or more'
            end
        ) as slips
    from experiments
    cross join clock
    left join model_state on experiments.model_name = model_state.model_name

),

-- of two that overlap the one that starts first goes on
overlapping as (

    select
        late.experiment_name,
        late.occurrence,
        min(early.experiment_name) as other_experiment
    from checked as late
    inner join checked as early
        on late.model_name = early.model_name
        and late.start_date < early.end_date
        and early.start_date < late.end_date
        and (
            early.start_date < late.start_date
            or (early.start_date = late.start_date and early.experiment_name < late.experiment_name)
        )
    where early.slips = ''
    group by
        late.experiment_name,
        late.occurrence

),

judged as (

    select
        checked.*,
        case
            when checked.slips <> '' then checked.slips
            when overlapping.other_experiment is not null
                then
                    'it overlaps ' || overlapping.other_experiment || ' on ' || checked.model_name
                    || '; one experiment a model at a time'
            when
                checked.start_date <= checked.as_of_date
                and checked.end_date > checked.as_of_date
                and coalesce(checked.control_version <> checked.reigning_version, true)
                then
                    'control_version is ' || cast(checked.control_version as {{ text }}) || ', but '
                    || coalesce('v' || cast(checked.reigning_version as {{ text }}) || ' serves', 'no version serves')
                    || '; end the experiment, and start another with the version that serves as control'
        end as problem
    from checked
    left join overlapping
        on checked.experiment_name = overlapping.experiment_name
        and checked.occurrence = overlapping.occurrence

),

final as (

    select
        coalesce(experiment_name, 'without a name') as experiment_name,
        occurrence,
        model_name,
        control_version,
        treatment_version,
        treatment_share,
        unit,
        metric_name,
        start_date,
        end_date,
        min_rows,
        as_of_date,
        case
            when problem is not null then 'invalid'
            when start_date > as_of_date then 'planned'
            when end_date > as_of_date then 'running'
            else 'ended'
        end as status,
        problem
    from judged

)

select * from final
