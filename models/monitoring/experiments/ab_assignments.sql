{{ config(
    materialized='incremental',
    unique_key=['experiment_name', 'unit_id'],
    full_refresh=false
) }}

with experiments as (

    select * from {{ ref('experiment_state') }}
    where occurrence = 1

),

served as (

    {% for row in products() if row.units %}
        {% for unit in row.units %}
            select
                '{{ row.model_name }}' as model_name,
                '{{ unit }}' as unit,
                cast({{ unit }} as bigint) as unit_id,
                model_version,
                scoring_date
            from ({{ ref_if_built(row.predictions, [unit, 'model_version', 'scoring_date']) }}) as predictions
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

in_time as (

    select
        experiments.experiment_name,
        experiments.model_name,
        experiments.unit,
        experiments.control_version,
        experiments.treatment_version,
        experiments.treatment_share,
        served.unit_id,
        served.model_version,
        served.scoring_date
    from served
    inner join experiments
        on served.model_name = experiments.model_name
        and served.unit = experiments.unit
        and served.scoring_date >= experiments.start_date
        and served.scoring_date < experiments.end_date
        and served.scoring_date <= experiments.as_of_date
        and served.model_version in (experiments.control_version, experiments.treatment_version)
    where served.unit_id is not null

),

-- a day counts from which on both versions served
shared_days as (

    select
        experiment_name,
        scoring_date
    from in_time
    group by
        experiment_name,
        scoring_date
    having count(distinct model_version) = 2

),

bucketed as (

    select
        in_time.*,
        cast({{ experiment_bucket('in_time.experiment_name', 'in_time.unit_id') }} as int) as bucket
    from in_time
    inner join shared_days
        on in_time.experiment_name = shared_days.experiment_name
        and in_time.scoring_date = shared_days.scoring_date

),

final as (

    select
        experiment_name,
        unit_id,
        model_name,
        unit,
        bucket,
        case when model_version = treatment_version then 'treatment' else 'control' end as arm,
        model_version,
        min(scoring_date) as first_exposed
    from bucketed
    where (bucket < 10000 * treatment_share) = (model_version = treatment_version)
    group by all

)

select * from final
{% if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as assigned
        where
            assigned.experiment_name = final.experiment_name
            and assigned.unit_id = final.unit_id
            and assigned.first_exposed <= final.first_exposed
    )
{% endif %}
