{{ config(materialized='view') }}

{# scored days before the newest one whose rows are the usual number #}
{% set usual_days = 14 %}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

inventory as (

    select * from {{ ref('model_inventory') }}

),

pins as (

    select
        model_name,
        pinned_version
    from {{ ref('model_state') }}

),

-- what the runs left behind, of all models alike

attempts as (

    {{ rows_of_products('model_name', ['as_of_date', 'model_version']) }}

),

decisions as (

    {{ rows_of_products('_retraining', ['as_of_date', 'fit_due', 'reason', 'not_learnable', 'evidence']) }}

),

verdicts as (

    {{ rows_of_products('_champion', ['model_version', 'as_of_date', 'is_learnable', 'serves', 'missed_targets', 'verdict']) }}

),

scorings as (

    select
        model_name,
        scoring_date,
        model_version,
        count(*) as row_count
    from ({{ rows_of_products('predictions', ['scoring_date', 'model_version']) }}) as scored
    group by model_name, scoring_date, model_version

),

drifts as (

    select *
    from (
        {{ ref_if_built('drift', ['model_name', 'feature_name', 'scoring_date', 'psi', 'state', 'is_monitored', 'is_drifted']) }}
    ) as drifts
    where is_monitored

),

quality as (

    select *
    from (
        {{ ref_if_built('prediction_quality', [
            'model_name', 'week_start', 'metric_name', 'metric_value', 'baseline_value', 'backtest_value', 'is_primary',
            'is_degraded', 'as_of_date',
        ]) }}
    ) as weeks

),

last_attempts as (

    select
        attempts.model_name,
        max(attempts.as_of_date) as last_attempt_date
    from attempts
    inner join clock on attempts.as_of_date <= clock.as_of_date
    group by attempts.model_name

),

-- a day can hold the rows of two versions, in an experiment: most rows are the serving one's
scored_days as (

    select
        scorings.model_name,
        scorings.scoring_date,
        sum(scorings.row_count) as row_count,
        max(scorings.row_count) as most_rows
    from scorings
    inner join clock on scorings.scoring_date <= clock.as_of_date
    group by scorings.model_name, scorings.scoring_date

),

ranked_days as (

    select
        *,
        row_number() over (partition by model_name order by scoring_date desc) as recency
    from scored_days

),

serving as (

    select
        scorings.model_name,
        max(scorings.model_version) as serving_version
    from scorings
    inner join ranked_days
        on scorings.model_name = ranked_days.model_name
        and scorings.scoring_date = ranked_days.scoring_date
        and scorings.row_count = ranked_days.most_rows
    where ranked_days.recency = 1
    group by scorings.model_name

),

volumes as (

    select
        model_name,
        max(case when recency = 1 then scoring_date end) as last_scoring_date,
        cast(max(case when recency = 1 then row_count end) as bigint) as scored_rows,
        median(case when recency > 1 then row_count end) as usual_rows,
        count(*) - 1 as usual_days
    from ranked_days
    where recency <= 1 + {{ usual_days }}
    group by model_name

),

fitted as (

    select
        serving.model_name,
        serving.serving_version,
        max(attempts.as_of_date) as fitted_on
    from serving
    left join attempts
        on serving.model_name = attempts.model_name
        and serving.serving_version = attempts.model_version
    group by serving.model_name, serving.serving_version

),

gates as (

    select
        verdicts.model_name,
        max(verdicts.as_of_date) as judged_on,
        case
            when count(*) filter (where verdicts.serves) > 0
                then
                    case
                        when count(*) filter (where verdicts.serves and (verdicts.missed_targets is not null or not verdicts.is_learnable)) > 0
                            then 'amber'
                        else 'passes'
                    end
            when count(*) filter (where verdicts.is_learnable) > 0 then 'red'
            else 'not learnable'
        end as gate_state,
        coalesce(max(case when verdicts.serves then verdicts.verdict end), {{ joined_text('verdicts.verdict') }}) as verdict
    from verdicts
    inner join clock on verdicts.as_of_date <= clock.as_of_date
    group by verdicts.model_name

),

newest_drifts as (

    select
        drifts.model_name,
        max(drifts.scoring_date) as scoring_date
    from drifts
    inner join clock on drifts.scoring_date <= clock.as_of_date
    group by drifts.model_name

),

ranked_drifts as (

    select
        drifts.*,
        row_number() over (
            partition by drifts.model_name
            order by
                case when drifts.is_drifted then 0 else 1 end asc,
                case drifts.state when 'act' then 0 when 'warn' then 1 else 2 end asc,
                drifts.psi desc,
                drifts.feature_name asc
        ) as place,
        count(case when drifts.is_drifted then 1 end) over (partition by drifts.model_name) as drifted_features
    from drifts
    inner join newest_drifts
        on drifts.model_name = newest_drifts.model_name
        and drifts.scoring_date = newest_drifts.scoring_date

),

ranked_weeks as (

    select
        quality.*,
        -- what the policy does not tolerate comes first, whichever metric shows it
        row_number() over (
            partition by quality.model_name
            order by
                quality.week_start desc,
                case when quality.is_degraded then 0 else 1 end asc,
                case when quality.is_primary then 0 else 1 end asc,
                quality.metric_name asc
        ) as place
    from quality
    inner join clock on quality.week_start <= clock.as_of_date

),

final as (

    select
        inventory.model_name,
        inventory.product,
        inventory.owner,
        clock.as_of_date,
        fitted.serving_version,
        pins.pinned_version,
        fitted.fitted_on,
        {{ dbt.datediff('fitted.fitted_on', 'clock.as_of_date', 'day') }} as age_days,
        volumes.last_scoring_date,
        volumes.scored_rows,
        case when volumes.usual_days >= 3 then volumes.usual_rows end as usual_rows,
        decisions.as_of_date as decided_on,
        coalesce(decisions.fit_due, false) as fit_due,
        decisions.reason,
        decisions.evidence,
        decisions.not_learnable,
        last_attempts.last_attempt_date,
        {{ next_due_date(
            'last_attempts.last_attempt_date', 'inventory.schedule', 'inventory.schedule_weekday'
        ) }} as next_due_date,
        coalesce(gates.gate_state, 'none') as gate_state,
        gates.verdict,
        gates.judged_on,
        case when ranked_drifts.is_drifted then 'drifted' else coalesce(ranked_drifts.state, 'unknown') end as drift_state,
        ranked_drifts.feature_name as drift_feature,
        ranked_drifts.psi as drift_psi,
        ranked_drifts.scoring_date as drift_date,
        coalesce(ranked_drifts.drifted_features, 0) as drifted_features,
        ranked_weeks.week_start as quality_week,
        ranked_weeks.metric_name as quality_metric,
        ranked_weeks.metric_value as quality_value,
        ranked_weeks.baseline_value as quality_baseline,
        ranked_weeks.backtest_value as quality_backtest,
        coalesce(ranked_weeks.is_degraded, false) as is_degraded
    from inventory
    cross join clock
    left join pins on inventory.model_name = pins.model_name
    left join fitted on inventory.model_name = fitted.model_name
    left join volumes on inventory.model_name = volumes.model_name
    left join decisions
        on inventory.model_name = decisions.model_name
        and clock.as_of_date >= decisions.as_of_date
    left join last_attempts on inventory.model_name = last_attempts.model_name
    left join gates on inventory.model_name = gates.model_name
    left join ranked_drifts
        on inventory.model_name = ranked_drifts.model_name
        and ranked_drifts.place = 1
    left join ranked_weeks
        on inventory.model_name = ranked_weeks.model_name
        and ranked_weeks.place = 1

)

select * from final
