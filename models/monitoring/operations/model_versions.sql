{{ config(materialized='view') }}

{% set lineage = [
    'model_version', 'as_of_date', 'reason', 'parent_version', 'training_data_digest', 'train_first_date', 'train_last_date',
    'train_rows', 'code_revision', 'package_versions', 'run_id', 'model_uri', 'artifact_digest', 'artifact_files', 'fitted_at',
] %}
{% set of_two_fits = [
    'recipe', 'train_labels_until', 'refit_rows', 'refit_last_date', 'refit_labels_until', 'refit_data_digest',
] %}

with clock as (

    select * from {{ ref('point_in_time') }}

),

decisions as (

    select decisions.*
    from {{ ref('registry_decisions') }} as decisions
    inner join clock on decisions.as_of_date <= clock.as_of_date

),

pins as (

    {{ pinned_versions(ref('registry_decisions'), ref('point_in_time')) }}

),

archived as (

    {{ archived_versions(ref('registry_decisions'), ref('point_in_time')) }}

),

canaries as (

    select
        model_name,
        treatment_version as model_version
    from ({{ ref_if_built('experiment_state', ['model_name', 'treatment_version', 'status']) }}) as experiments
    where status = 'running'

),

versions as (

    select fitted.*
    from ({{ rows_of_products('model_name', lineage + of_two_fits, later=of_two_fits) }}) as fitted
    inner join clock on fitted.as_of_date <= clock.as_of_date

),

measured as (

    select metrics.*
    from ({{ rows_of_products('_metrics', [
        'model_version', 'as_of_date', 'split', 'segment', 'metric_name', 'metric_value', 'baseline_value',
    ]) }}) as metrics
    inner join clock on metrics.as_of_date <= clock.as_of_date
    where metrics.split = 'test'

),

evaluations as (

    select
        model_name,
        model_version,
        max(as_of_date) as evaluated_as_of
    from measured
    group by model_name, model_version

),

-- the primary metric in the newest evaluation
qualities as (

    select
        measured.model_name,
        measured.model_version,
        measured.metric_name,
        measured.metric_value,
        measured.baseline_value
    from measured
    inner join evaluations
        on measured.model_name = evaluations.model_name
        and measured.model_version = evaluations.model_version
        and measured.as_of_date = evaluations.evaluated_as_of
    inner join {{ ref('performance_targets') }} as targets
        on measured.model_name = targets.model_name
        and measured.metric_name = targets.metric_name
        and targets.is_primary
    where measured.segment = 'all'

),

-- what the last run said of the versions that it considered
verdicts as (

    select
        champions.*,
        max(case when champions.serves then 1 else 0 end) over (partition by champions.model_name) as has_champion
    from ({{ rows_of_products('_champion', [
        'model_version', 'as_of_date', 'role', 'passes', 'serves', 'missed_targets', 'is_learnable',
    ]) }}) as champions
    inner join clock on champions.as_of_date <= clock.as_of_date

),

scorings as (

    select
        predictions.model_name,
        predictions.model_version,
        max(predictions.scoring_date) as last_scoring_date,
        max(max(predictions.scoring_date)) over (partition by predictions.model_name) as newest_scoring_date
    from ({{ rows_of_products('predictions', ['model_version', 'scoring_date']) }}) as predictions
    inner join clock on predictions.scoring_date <= clock.as_of_date
    group by predictions.model_name, predictions.model_version

),

-- predictions are kept for a while only: a version that reigned when another was fitted has served, too
parents as (

    select distinct
        model_name,
        parent_version
    from versions
    where parent_version is not null

),

last_decisions as (

    select
        *,
        row_number() over (partition by model_name, model_version order by decision_id desc) as recency
    from decisions
    where model_version is not null

),

states as (

    select
        versions.model_name,
        versions.model_version,
        case
            when canaries.model_version is not null then 'canary'
            when scorings.last_scoring_date = scorings.newest_scoring_date then 'production'
            when archived.model_version is not null then 'archived'
            when scorings.last_scoring_date is not null or parents.parent_version is not null then 'deprecated'
            when evaluations.evaluated_as_of is not null then 'staging'
            else 'registered'
        end as state
    from versions
    left join evaluations
        on versions.model_name = evaluations.model_name
        and versions.model_version = evaluations.model_version
    left join scorings
        on versions.model_name = scorings.model_name
        and versions.model_version = scorings.model_version
    left join parents
        on versions.model_name = parents.model_name
        and versions.model_version = parents.parent_version
    left join canaries
        on versions.model_name = canaries.model_name
        and versions.model_version = canaries.model_version
    left join archived
        on versions.model_name = archived.model_name
        and versions.model_version = archived.model_version

),

final as (

    select
        versions.model_name,
        versions.model_version,
        states.state,
        -- as MLflow has it once the version that serves has scored
        case
            when states.state = 'production' then 'champion'
            when states.state = 'canary' then 'challenger'
            when verdicts.role = 'candidate' and not verdicts.serves and verdicts.has_champion = 1 then 'challenger'
        end as alias,
        case
            when verdicts.serves and (verdicts.missed_targets is not null or not verdicts.is_learnable) then 'amber'
            when verdicts.serves then 'serves'
            when verdicts.passes then 'passes'
            when verdicts.model_version is not null then 'red'
        end as gate,
        qualities.metric_name,
        qualities.metric_value,
        qualities.baseline_value,
        {{ dbt.datediff('versions.as_of_date', 'clock.as_of_date', 'day') }} as age_days,
        pins.pinned_version is not null as is_pinned,
        last_decisions.action || ' by ' || last_decisions.decided_by || ': ' || last_decisions.reason as last_decision,
        versions.as_of_date,
        versions.reason,
        evaluations.evaluated_as_of,
        scorings.last_scoring_date,

        versions.parent_version,
        versions.training_data_digest,
        versions.train_first_date,
        versions.train_last_date,
        versions.train_rows,
        versions.train_labels_until,
        versions.refit_data_digest,
        versions.refit_last_date,
        versions.refit_rows,
        versions.refit_labels_until,
        versions.recipe,
        versions.code_revision,
        versions.package_versions,

        versions.run_id,
        versions.model_uri,
        versions.artifact_digest,
        versions.artifact_files,
        versions.fitted_at
    from versions
    cross join clock
    inner join states
        on versions.model_name = states.model_name
        and versions.model_version = states.model_version
    left join evaluations
        on versions.model_name = evaluations.model_name
        and versions.model_version = evaluations.model_version
    left join scorings
        on versions.model_name = scorings.model_name
        and versions.model_version = scorings.model_version
    left join qualities
        on versions.model_name = qualities.model_name
        and versions.model_version = qualities.model_version
    left join verdicts
        on versions.model_name = verdicts.model_name
        and versions.model_version = verdicts.model_version
    left join pins
        on versions.model_name = pins.model_name
        and versions.model_version = pins.pinned_version
    left join last_decisions
        on versions.model_name = last_decisions.model_name
        and versions.model_version = last_decisions.model_version
        and last_decisions.recency = 1

)

select * from final
