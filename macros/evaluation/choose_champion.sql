{#
  The versions considered in this run, and which of them serves: one row a version.

  Considered are the version that reigns (it served last) and the candidate, both with the metrics of the test split of their
  newest evaluation; in a run that fits or finishes a candidate, both are evaluated on the same rows, and a reigning version
  that could not be is left out. The candidate is the one of this run, or one that model_state remembers: not published, or
  judged when nothing reigned. A version passes when it meets every target of severity `error` and beats its
  baseline: the mean over blocks of (baseline - model) of the primary metric, paired by block, lies var
  `gate_standard_errors` standard errors above 0, by default as many as a 95 % interval reaches with many blocks; with few ones
  correspondingly more, as Student's t has it. Blocks are taken as independent.

  All are judged by their first fits, which saw none of the test rows; what serves is the refit on every label known. So a
  candidate of the recipe that reigns is that recipe with newer labels, and serves where it passes, unless it is worse by more
  than min_improvement, a fraction of the reigning version's value. A candidate of another recipe has to be better by
  more than that. A version from before recipes were known is of any.

  A version that was promoted or rolled back to by decision is pinned: it is considered too, and it alone may serve, if it
  passes, until the pin is lifted. A pin is no way around the gate. Archived versions never come here: model_state
  neither lets one reign nor keeps a pin on one.

  While an experiment runs, its treatment version is considered too, with its newest evaluation. It never `serves`; where
  it passes and the version that serves is the control version, `experiment_name` says that it scores the treatment arm.
  The reigning version, if it passes, stays until the experiment ends, whatever a candidate can do.

  Data that cannot teach the model any longer fit no candidate, and the reigning version serves on.
  Where there is nothing to consider (not learnable, or `retrain: never` on a fresh database), one
  row with a null version says why.

  Argument
    product  a declaration (macro products). `blocks` names the segments over which the primary metric is paired; with
             `threshold` the model's probabilities are cut: at its `decision_threshold`, else at metric `best_threshold` of
             the validation rows

  Columns: model_name, model_version, role, as_of_date, is_learnable, passes, serves, meets_targets, beats_baseline, metric_name,
  metric_value, baseline_value, improvement, improvement_lower, improvement_upper, missed_targets,
  decision_threshold, experiment_name, treatment_share, verdict
#}
{% macro choose_champion(product) %}
    {% set model_name, blocks, threshold = product.model_name, product.blocks, product.get('threshold', false) %}
    {% set metrics, decision = ref(product.product ~ '_metrics'), ref(product.product ~ '_retraining') %}
    {% set given_threshold = threshold_settings(product).decision_threshold %}
    {% set targets, experiments = ref('performance_targets'), ref('experiment_state') %}
    with decision as (

        select * from {{ decision }}

    ),

    recipes as (

        {{ ref_if_built(model_name, ['model_version', 'recipe'], later=['recipe']) }}

    ),

    targets as (

        select *
        from {{ targets }}
        where model_name = '{{ model_name }}'

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

    {% if threshold and given_threshold is none %}
        best_threshold as (

            select
                model_version,
                as_of_date,
                metric_value
            from {{ metrics }}
            where split = 'validation' and segment = 'all' and metric_name = 'best_threshold'

        ),

    {% endif %}
    -- evaluations on test rows up to this run, and whether it has judged its candidate there
    tested as (

        select
            metrics.*,
            decision.fit_due
            and metrics.as_of_date = decision.as_of_date
            and (
                metrics.model_version > coalesce(decision.last_version, 0)
                or metrics.model_version = decision.candidate_version
            ) as is_judged_now
        from {{ metrics }} as metrics
        cross join decision
        where metrics.split = 'test' and metrics.as_of_date <= decision.as_of_date

    ),

    -- the metrics of each version, with its newest evaluation
    considered as (

        select
            tested.model_version,
            tested.as_of_date,
            tested.segment,
            tested.metric_name,
            tested.metric_value,
            tested.baseline_value,
            case
                when tested.model_version = decision.pinned_version then 'pinned'
                when tested.model_version = decision.reigning_version then 'reigning'
                when tested.model_version = running.treatment_version then 'experiment'
                else 'candidate'
            end as role,
            max(tested.as_of_date) over (partition by tested.model_version) as evaluated_as_of,
            max(case when tested.is_judged_now then tested.as_of_date end) over () as judged_as_of
        from tested
        cross join decision
        left join running on tested.model_version = running.treatment_version
        where
            tested.is_judged_now
            or tested.model_version = decision.reigning_version
            or tested.model_version = decision.pinned_version
            or tested.model_version = running.treatment_version
            or tested.model_version = decision.candidate_version

    ),

    -- each version beside each target, so that what is not measured has a row, too
    measured as (

        select
            considered.model_version,
            considered.role,
            considered.evaluated_as_of,
            targets.metric_name,
            targets.comparison,
            targets.target,
            targets.severity,
            targets.is_primary,
            coalesce(targets.min_improvement, 0) as min_improvement,
            case when targets.comparison = 'at_least' then -1 else 1 end as direction,
            {% set of_target = 'considered.metric_name = targets.metric_name' %}
            {% set of_all = of_target ~ " and considered.segment = 'all'" %}
            {% set of_block = of_target ~ " and considered.segment like '" ~ blocks ~ "=%'" %}
            count(*) filter (where {{ of_all }}) as evaluations,
            max(considered.metric_value) filter (where {{ of_all }}) as metric_value,
            max(considered.baseline_value) filter (where {{ of_all }}) as baseline_value,
            -- of infinite values the engines take no deviation
            {% set gain = 'considered.baseline_value - considered.metric_value' %}
            {% set finite = of_block ~ " and abs(" ~ gain ~ ") < cast('infinity' as double)" %}
            avg({{ gain }}) filter (where {{ finite }}) as gain,
            -- a block in which nothing could be measured, such as a week without revenue, is none
            stddev_samp({{ gain }}) filter (where {{ finite }})
            / nullif(sqrt(cast(count({{ gain }}) filter (where {{ of_block }}) as double)), 0) as standard_error,
            nullif(cast(count({{ gain }}) filter (where {{ of_block }}) as double) - 1, 0) as degrees_of_freedom,
            count(*) filter (where {{ of_block }} and not abs({{ gain }}) < cast('infinity' as double)) as unbounded_blocks
        from considered
        cross join targets
        where
            considered.as_of_date = considered.evaluated_as_of
            and (considered.role <> 'reigning' or coalesce(considered.as_of_date = considered.judged_as_of, true))
        group by
            considered.model_version,
            considered.role,
            considered.evaluated_as_of,
            targets.metric_name,
            targets.comparison,
            targets.target,
            targets.severity,
            targets.is_primary,
            targets.min_improvement

    ),

    -- a metric that is not measured, or is not a number, misses its target
    compared as (

        select
            *,
            case
                when
                    target is not null
                    and (
                        metric_value is null
                        or not abs(metric_value) < cast('infinity' as double)
                        or (comparison = 'at_most' and metric_value > target)
                        or (comparison = 'at_least' and metric_value < target)
                    )
                    then
                        metric_name || case
                            when evaluations = 0 then ' does not exist in {{ product.product }}_metrics and so misses'
                            when metric_value is null or isnan(metric_value) then ' could not be measured and so misses'
                            when abs(metric_value) = cast('infinity' as double) then ' is infinite and so misses'
                            else
                                ' ' || {{ number_text('metric_value') }} || ' is '
                                || case when comparison = 'at_least' then 'below' else 'above' end
                        end || ' the target of ' || {{ number_text('target') }}
            end as miss
        from measured

    ),

    by_version as (

        select
            model_version,
            role,
            evaluated_as_of,
            {% for column in ['metric_name', 'metric_value', 'baseline_value', 'direction', 'min_improvement'] %}
                max({{ column }}) filter (where is_primary) as {{ column }},
            {% endfor %}
            max(direction * gain) filter (where is_primary) as improvement,
            max(standard_error * {{ student_t_critical('degrees_of_freedom') }}) filter (where is_primary) as half_width,
            max(unbounded_blocks) filter (where is_primary) as unbounded_blocks,
            {{ joined_text('miss') }} as missed_targets,
            count(*) filter (where miss is not null and severity = 'error') = 0 as meets_targets
        from compared
        group by model_version, role, evaluated_as_of
        having count(*) filter (where is_primary and evaluations > 0) > 0

    ),

    judged as (

        select
            *,
            improvement - half_width as improvement_lower,
            improvement + half_width as improvement_upper,
            coalesce(improvement - {{ gate_standard_errors() }} / 1.96e0 * half_width > 0, false) and unbounded_blocks = 0
                as beats_baseline
        from by_version

    ),

    -- whether the candidate is the recipe that reigns, with newer labels
    renewed as (

        select
            judged.*,
            coalesce(
                max(case when judged.role = 'candidate' then recipes.recipe end) over ()
                = max(case when judged.role = 'reigning' then recipes.recipe end) over (), true
            ) as is_renewal
        from judged
        left join recipes on judged.model_version = recipes.model_version

    ),

    -- the version that is not favoured is compared as if it had the margin to make up first
    ranked as (

        select
            renewed.*,
            running.experiment_name as running_experiment,
            running.control_version,
            running.treatment_share as running_share,
            renewed.meets_targets and renewed.beats_baseline as passes,
            row_number() over (
                order by
                    case when renewed.role = 'pinned' then 0 when renewed.role = 'experiment' then 2 else 1 end,
                    case when renewed.meets_targets and renewed.beats_baseline then 0 else 1 end,
                    case when renewed.role = 'reigning' and running.experiment_name is not null then 0 else 1 end,
                    renewed.direction * renewed.metric_value
                    + case
                        when renewed.role <> 'reigning' then 0
                        when renewed.is_renewal then abs(renewed.min_improvement * renewed.metric_value)
                        else -renewed.min_improvement * abs(renewed.metric_value)
                    end,
                    case when renewed.role = 'reigning' and not renewed.is_renewal then 0 else 1 end,
                    renewed.model_version desc
            ) as place
        from renewed
        left join running on true

    ),

    -- the arms of an experiment are its control version, which serves everybody else too, and its treatment version
    placed as (

        select
            *,
            passes
            and role = 'experiment'
            and max(case when model_version = control_version and passes and place = 1 then 1 else 0 end) over () = 1
                as is_treatment
        from ranked

    )

    -- one row without a version where none is considered
    select
        '{{ model_name }}' as model_name,
        placed.model_version,
        coalesce(placed.role, 'none') as role,
        decision.as_of_date,
        decision.not_learnable is null as is_learnable,
        coalesce(placed.passes, false) as passes,
        coalesce(
            placed.passes and placed.place = 1 and placed.role <> 'experiment'
            and (decision.pinned_version is null or placed.role = 'pinned'), false
        ) as serves,
        coalesce(placed.meets_targets, false) as meets_targets,
        coalesce(placed.beats_baseline, false) as beats_baseline,
        placed.metric_name,
        placed.metric_value,
        placed.baseline_value,
        placed.improvement,
        placed.improvement_lower,
        placed.improvement_upper,
        placed.missed_targets,
        {% if threshold %}
            {% if given_threshold is none %}
                best_threshold.metric_value as decision_threshold,
            {% else %}
                case when placed.model_version is not null then cast({{ given_threshold }} as double) end as decision_threshold,
            {% endif %}
        {% else %}
            cast(null as double) as decision_threshold,
        {% endif %}
        case when placed.is_treatment then placed.running_experiment end as experiment_name,
        case when placed.is_treatment then placed.running_share end as treatment_share,
        {{ verdict_text(model_name) }} as verdict
    from decision
    left join placed on true
    {% if threshold and given_threshold is none %}
        left join best_threshold
            on placed.model_version = best_threshold.model_version
            and placed.evaluated_as_of = best_threshold.as_of_date
    {% endif %}
{% endmacro %}
