{#
  The versions considered in this run, and which of them serves: one row a version.

  Considered are the version that reigns (it served last) and the candidate fitted in this run, both
  with the metrics of the test split of their newest evaluation; in a run that fits, both are evaluated
  on the same rows. A version passes when it meets every target of severity `error` and beats its
  baseline: the mean over blocks of (baseline - model) of the primary metric, paired by block, is
  positive with the lower end of its 95 % interval (normal; blocks taken as independent). The
  reigning version keeps serving unless a passing candidate is better by more than min_improvement, a
  fraction of the reigning version's value.

  A version that was promoted or rolled back to by decision is pinned: it is considered too, and it alone may serve, if it
  passes, until the pin is lifted. A pin is no way around the gate. Archived versions never come here: model_state
  neither lets one reign nor keeps a pin on one.

  While an experiment runs, its treatment version is considered too, with its newest evaluation. It never `serves`; where
  it passes and the version that serves is the control version, `experiment_name` says that it scores the treatment arm.
  The reigning version, if it passes, stays until the experiment ends, whatever a candidate can do.

  Data that cannot teach the model any longer fit no candidate, and the reigning version serves on.
  Where there is nothing to consider (not learnable, or `retrain: never` on a fresh database), one
  row with a null version says why.

  Arguments
    model_name  name in performance_targets
    metrics     relation <product>_metrics
    decision    relation <product>_retraining
    targets     relation performance_targets
    experiments relation experiment_state
    blocks      name of the segments over which the primary metric is paired, such as the label's date
    threshold   whether the model's probabilities are cut. The decision threshold is the target of metric
                `decision_threshold`, which nothing has to meet (nor `threshold_beta`, see probability_metrics), else metric
                `best_threshold` of the validation rows

  Columns: model_name, model_version, role, as_of_date, is_learnable, passes, serves, metric_name,
  metric_value, baseline_value, improvement, improvement_lower, improvement_upper, missed_targets,
  decision_threshold, experiment_name, treatment_share, verdict
#}
{% macro choose_champion(model_name, metrics, decision, targets, experiments, blocks, threshold=false) %}
    {% set text = dbt.type_string() %}
    with decision as (

        select * from {{ decision }}

    ),

    targets as (

        select *
        from {{ targets }}
        where model_name = '{{ model_name }}' and metric_name not in ('decision_threshold', 'threshold_beta')

    ),

    -- one row at most
    running as (

        select
            experiment_name,
            control_version,
            treatment_version,
            treatment_share
        from {{ experiments }}
        where model_name = '{{ model_name }}' and status = 'running'

    ),

    {% if threshold %}
        given_threshold as (

            select
                model_name,
                target
            from {{ targets }}
            where model_name = '{{ model_name }}' and metric_name = 'decision_threshold'

        ),

        best_threshold as (

            select
                model_version,
                as_of_date,
                metric_value
            from {{ metrics }}
            where split = 'validation' and segment = 'all' and metric_name = 'best_threshold'

        ),

    {% endif %}
    primary_target as (

        select
            metric_name,
            coalesce(min_improvement, 0) as min_improvement,
            case when comparison = 'at_least' then -1 else 1 end as direction
        from targets
        where is_primary

    ),

    metrics as (

        select metrics.*
        from {{ metrics }} as metrics
        cross join decision
        where metrics.split = 'test' and metrics.as_of_date <= decision.as_of_date

    ),

    considered as (

        select
            metrics.model_version,
            max(metrics.as_of_date) as evaluated_as_of,
            case
                when max(decision.pinned_version) = metrics.model_version then 'pinned'
                when max(decision.reigning_version) = metrics.model_version then 'reigning'
                when max(running.treatment_version) = metrics.model_version then 'experiment'
                else 'candidate'
            end as role
        from metrics
        cross join decision
        left join running on metrics.model_version = running.treatment_version
        where
            metrics.model_version = decision.reigning_version
            or metrics.model_version = decision.pinned_version
            or metrics.model_version = running.treatment_version
            or (
                decision.fit_due
                and metrics.as_of_date = decision.as_of_date
                and metrics.model_version > coalesce(decision.last_version, 0)
            )
        group by metrics.model_version

    ),

    evaluated as (

        select
            metrics.*,
            considered.role
        from metrics
        inner join considered
            on metrics.model_version = considered.model_version
            and metrics.as_of_date = considered.evaluated_as_of

    ),

    -- a metric that is not measured, or is not a number, misses its target
    missed as (

        select
            considered.model_version,
            targets.severity,
            targets.metric_name || ' '
            || coalesce({{ number_text('evaluated.metric_value') }}, 'unknown')
            || ' misses ' || replace(targets.comparison, '_', ' ') || ' '
            || {{ number_text('targets.target') }} as miss
        from considered
        cross join targets
        left join evaluated
            on considered.model_version = evaluated.model_version
            and targets.metric_name = evaluated.metric_name
            and evaluated.segment = 'all'
        where
            targets.target is not null
            and (
                evaluated.metric_value is null
                or isnan(evaluated.metric_value)
                or (targets.comparison = 'at_most' and evaluated.metric_value > targets.target)
                or (targets.comparison = 'at_least' and evaluated.metric_value < targets.target)
            )

    ),

    missed_by_version as (

        select
            model_version,
            count(*) filter (where severity = 'error') as missed_errors,
            {{ joined_text('miss') }} as missed_targets
        from missed
        group by model_version

    ),

    paired as (

        select
            evaluated.model_version,
            avg(primary_target.direction * (evaluated.baseline_value - evaluated.metric_value)) as improvement,
            1.96 * stddev_samp(evaluated.baseline_value - evaluated.metric_value)
            / sqrt(cast(count(*) as double)) as half_width
        from evaluated
        inner join primary_target on evaluated.metric_name = primary_target.metric_name
        where evaluated.segment like '{{ blocks }}=%'
        group by evaluated.model_version

    ),

    judged as (

        select
            evaluated.model_version,
            evaluated.role,
            evaluated.as_of_date as evaluated_as_of,
            evaluated.metric_name,
            evaluated.metric_value,
            evaluated.baseline_value,
            paired.improvement,
            paired.improvement - paired.half_width as improvement_lower,
            paired.improvement + paired.half_width as improvement_upper,
            missed_by_version.missed_targets,
            coalesce(missed_by_version.missed_errors, 0) = 0 as meets_targets,
            coalesce(
                paired.improvement - paired.half_width > 0 and not isnan(paired.improvement - paired.half_width), false
            ) as beats_baseline,
            primary_target.direction,
            primary_target.min_improvement
        from evaluated
        inner join primary_target on evaluated.metric_name = primary_target.metric_name
        left join paired on evaluated.model_version = paired.model_version
        left join missed_by_version on evaluated.model_version = missed_by_version.model_version
        where evaluated.segment = 'all'

    ),

    -- a candidate is compared with the reigning version as if it had its margin to make up first
    ranked as (

        select
            judged.*,
            meets_targets and beats_baseline as passes,
            row_number() over (
                order by
                    case when role = 'pinned' then 0 when role = 'experiment' then 2 else 1 end,
                    case when meets_targets and beats_baseline then 0 else 1 end,
                    case when role = 'reigning' and frozen.experiment_count > 0 then 0 else 1 end,
                    direction * metric_value
                    - case when role = 'reigning' then min_improvement * abs(metric_value) else 0 end,
                    case when role = 'reigning' then 0 else 1 end,
                    model_version desc
            ) as place
        from judged
        cross join (select count(*) as experiment_count from running) as frozen

    ),

    -- the arms of an experiment are its control version, which serves everybody else too, and its treatment version
    treated as (

        select
            treatment.model_version,
            running.experiment_name,
            running.treatment_share
        from ranked as treatment
        inner join running on treatment.model_version = running.treatment_version
        inner join ranked as control on running.control_version = control.model_version
        where treatment.role = 'experiment' and treatment.passes and control.passes and control.place = 1

    ),

    versions as (

        select
            '{{ model_name }}' as model_name,
            ranked.model_version,
            ranked.role,
            decision.as_of_date,
            decision.not_learnable is null as is_learnable,
            ranked.passes,
            ranked.passes and ranked.place = 1 and ranked.role <> 'experiment'
            and (decision.pinned_version is null or ranked.role = 'pinned') as serves,
            ranked.meets_targets,
            ranked.beats_baseline,
            ranked.metric_name,
            ranked.metric_value,
            ranked.baseline_value,
            ranked.improvement,
            ranked.improvement_lower,
            ranked.improvement_upper,
            ranked.missed_targets,
            {% if threshold %}
                coalesce(given_threshold.target, best_threshold.metric_value)
            {% else %}
                cast(null as double)
            {% endif %} as decision_threshold,
            treated.experiment_name,
            treated.treatment_share,
            '{{ model_name }} v' || cast(ranked.model_version as {{ text }}) || ' (' || ranked.role || '): '
            || ranked.metric_name || ' ' || coalesce({{ number_text('ranked.metric_value') }}, 'unknown')
            || ', baseline '
            || coalesce({{ number_text('ranked.baseline_value') }}, 'unknown')
            || case when ranked.missed_targets is not null then '; ' || ranked.missed_targets else '' end
            || case when ranked.beats_baseline then '' else '; does not beat the baseline' end
            || case
                when ranked.role = 'pinned' and ranked.passes then '; serves; pinned, ' || decision.pinned_because
                when ranked.role = 'pinned' then '; does not serve, though it is pinned, ' || decision.pinned_because
                when treated.experiment_name is not null then '; serves the treatment arm of ' || treated.experiment_name
                when decision.pinned_version is not null
                    then
                        case when ranked.passes then '; passes, but v' else '; does not serve; v' end
                        || cast(decision.pinned_version as {{ text }}) || ' is pinned, ' || decision.pinned_because
                when ranked.passes and ranked.place = 1 and ranked.role <> 'experiment' then '; serves'
                when ranked.passes then '; passes, but the other version is kept'
                else '; does not serve'
            end
            || coalesce('; no longer learnable: ' || decision.not_learnable, '') as verdict
        from ranked
        cross join decision
        left join treated on ranked.model_version = treated.model_version
        {% if threshold %}
            left join given_threshold on given_threshold.model_name = '{{ model_name }}'
            left join best_threshold
                on ranked.model_version = best_threshold.model_version
                and ranked.evaluated_as_of = best_threshold.as_of_date
        {% endif %}

    ),

    nothing as (

        select
            '{{ model_name }}' as model_name,
            cast(null as int) as model_version,
            'none' as role,
            decision.as_of_date,
            decision.not_learnable is null as is_learnable,
            false as passes,
            false as serves,
            false as meets_targets,
            false as beats_baseline,
            cast(null as {{ text }}) as metric_name,
            cast(null as double) as metric_value,
            cast(null as double) as baseline_value,
            cast(null as double) as improvement,
            cast(null as double) as improvement_lower,
            cast(null as double) as improvement_upper,
            cast(null as {{ text }}) as missed_targets,
            cast(null as double) as decision_threshold,
            cast(null as {{ text }}) as experiment_name,
            cast(null as double) as treatment_share,
            '{{ model_name }} '
            || coalesce(
                'is not learnable: ' || decision.not_learnable,
                'has no version to consider; the retraining decision was ' || decision.reason
            ) as verdict
        from decision
        where (select count(*) from versions) = 0

    )

    select * from versions
    union all
    select * from nothing
{% endmacro %}
