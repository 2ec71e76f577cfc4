{% set columns = ['as_of_date', 'model_version'] %}

with inventory as (

    select * from {{ ref('model_inventory') }}

),

pins as (

    {{ pinned_versions(ref('registry_decisions'), ref('point_in_time')) }}

),

archived as (

    {{ archived_versions(ref('registry_decisions'), ref('point_in_time')) }}

),

experiments as (

    select * from {{ ref('experiments') }}

),

attempts as (

    {{ rows_of_products('model_name', columns, read=previous_run) }}

),

scorings as (

    select distinct * from ({{ rows_of_products('predictions', columns, read=previous_run) }}) as scored

),

-- a version is judged once its test rows are measured
evaluations as (

    select
        model_name,
        model_version,
        max(as_of_date) as evaluated_as_of
    from ({{ rows_of_products('_metrics', columns + ['split'], read=previous_run) }}) as metrics
    where split = 'test'
    group by model_name, model_version

),

-- what the last run that came as far said of the versions that it considered
verdicts as (

    {{ rows_of_products('_champion', columns + ['serves'], read=previous_run) }}

),

last_attempts as (

    -- an attempt counts for the schedule once it was judged
    select
        attempts.model_name,
        max(case when evaluations.model_version is not null then attempts.as_of_date end) as last_attempt_date,
        max(attempts.model_version) as last_version,
        -- those that an experiment may name
        {{ joined_text(
            'case when archived.model_version is null then cast(attempts.model_version as ' ~ dbt.type_string() ~ ') end'
        ) }} as known_versions
    from attempts
    left join evaluations
        on attempts.model_name = evaluations.model_name
        and attempts.model_version = evaluations.model_version
    left join archived
        on attempts.model_name = archived.model_name
        and attempts.model_version = archived.model_version
    group by attempts.model_name

),

-- on a day of an experiment two versions served; the one under treatment does not reign
treated_scorings as (

    select distinct
        scorings.model_name,
        scorings.as_of_date,
        scorings.model_version
    from scorings
    inner join experiments
        on scorings.model_name = experiments.model_name
        and scorings.model_version = try_cast(experiments.treatment_version as int)
        and scorings.as_of_date >= try_cast(experiments.start_date as date)
        and scorings.as_of_date < try_cast(experiments.end_date as date)

),

ranked_scorings as (

    -- an archived version is never considered, whatever it served before
    select
        scorings.*,
        row_number() over (
            partition by scorings.model_name
            order by
                scorings.as_of_date desc,
                case when treated_scorings.model_version is null then 0 else 1 end,
                scorings.model_version desc
        ) as recency
    from scorings
    left join archived
        on scorings.model_name = archived.model_name
        and scorings.model_version = archived.model_version
    left join treated_scorings
        on scorings.model_name = treated_scorings.model_name
        and scorings.as_of_date = treated_scorings.as_of_date
        and scorings.model_version = treated_scorings.model_version
    where archived.model_version is null

),

candidates as (

    {{ open_candidates(ref('point_in_time')) }}

),

drift as (

    select * from ({{ previous_run('drift', [
        'model_name', 'model_version', 'feature_name', 'scoring_date', 'psi', 'psi_act', 'days_in_row', 'act_days', 'is_drifted'
    ]) }}) as measured

),

drift_evidence as (

    {{ drift_evidence(ref('point_in_time')) }}

),

measured as (

    {{ previous_run('prediction_quality', [
        'model_name', 'week_start', 'metric_name', 'model_version', 'metric_value', 'baseline_value', 'backtest_value',
        'backtest_baseline_value', 'measured_as', 'tolerance', 'weeks_in_row', 'is_degraded', 'as_of_date'
    ]) }}

),

last_measured as (

    select
        model_name,
        max(as_of_date) as measured_as_of
    from measured
    group by model_name

),

-- the newest week of each metric, and of the version that reigns: what is wrong with another one it cannot help
judged_weeks as (

    select
        *,
        row_number() over (partition by model_name, metric_name order by week_start desc) as recency
    from measured

),

lasting_degradation as (

    {{ lasting_degradation() }}

),

degraded as (

    select
        judged_weeks.model_name,
        {{ joined_text(quality_evidence_text()) }} as quality_evidence
    from judged_weeks
    inner join ranked_scorings
        on judged_weeks.model_name = ranked_scorings.model_name
        and judged_weeks.model_version = ranked_scorings.model_version
        and ranked_scorings.recency = 1
    left join last_attempts on judged_weeks.model_name = last_attempts.model_name
    left join lasting_degradation
        on judged_weeks.model_name = lasting_degradation.model_name
        and judged_weeks.metric_name = lasting_degradation.metric_name
    where
        judged_weeks.recency = 1
        and judged_weeks.is_degraded
        and lasting_degradation.model_name is null
        -- a fit since then has seen what the week has shown
        and judged_weeks.as_of_date > coalesce(last_attempts.last_attempt_date, cast('1900-01-01' as date))
    group by judged_weeks.model_name

),

final as (

    select
        inventory.model_name,
        pins.pinned_version,
        pins.pinned_because,
        ranked_scorings.model_version as reigning_version,
        ranked_scorings.as_of_date as last_scoring_date,
        last_attempts.last_version,
        last_attempts.known_versions,
        last_attempts.last_attempt_date,
        candidates.candidate_version,
        candidates.candidate_stage,
        {{ next_due_date(
            'last_attempts.last_attempt_date', 'inventory.schedule', 'inventory.schedule_weekday'
        ) }} as next_due_date,
        drift_evidence.evidence is not null as has_drifted,
        degraded.quality_evidence is not null as has_degraded,
        drift_evidence.evidence as drift_evidence,
        degraded.quality_evidence,
        last_measured.measured_as_of
    from inventory
    left join pins on inventory.model_name = pins.model_name
    left join last_attempts on inventory.model_name = last_attempts.model_name
    left join candidates on inventory.model_name = candidates.model_name
    left join drift_evidence on inventory.model_name = drift_evidence.model_name
    left join ranked_scorings
        on inventory.model_name = ranked_scorings.model_name
        and ranked_scorings.recency = 1
    left join degraded on inventory.model_name = degraded.model_name
    left join last_measured on inventory.model_name = last_measured.model_name

)

select * from final
