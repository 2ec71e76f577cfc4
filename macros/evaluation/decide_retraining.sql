{#
  Whether to fit now, and why: one row.

  Reasons, first that holds: `not_learnable` and `never` (no fit), then `forced`, `unfinished`, `no_champion`, `drift`,
  `performance`, `schedule` (fit), else `not_due`. A schedule is due when one of its
  days has come since the last attempt: a missed one is caught up, and a losing candidate is not fitted again
  every day, not even where nothing serves. Var `tune` forces a fit too, one that searches its parameters with the full budget.

  `unfinished`: a run stopped between fit and verdict. The candidate that it left is judged, and fitted anew only if its
  files cannot be loaded. A candidate that was judged, but whose run stopped before it could be published, is considered once more.

  `evidence` says in words what drifted or degraded, where that is the reason.

  `score_due` says whether there is a day to score: not where the reigning version has scored it already and no fit may
  change who serves, nor where nothing can be learned and no version reigns. A day that another version than the pinned
  one has scored is scored again.

  Arguments
    product        a declaration (macro products)
    learnability   CTE with one row and one column `not_learnable`: why the data cannot teach the
                   model, or null

  Example: {{ decide_retraining(product_demand(), 'learnability') }}
#}
{% macro decide_retraining(product, learnability) %}
    {% set retrain = var('retrain', 'auto') %}
    {% set tune = var('tune', false) %}
    {% if tune not in [true, false] %}
        {{ exceptions.raise_compiler_error("var tune is '" ~ tune ~ "'; it takes true or false") }}
    {% endif %}
    {% if retrain not in ['auto', 'force', 'never'] %}
        {{ exceptions.raise_compiler_error("var retrain is '" ~ retrain ~ "'; it takes auto, force or never") }}
    {% endif %}
    {% set fits = "('forced', 'unfinished', 'no_champion', 'drift', 'performance', 'schedule')" %}
    select
        model_name,
        as_of_date,
        pinned_version,
        pinned_because,
        reigning_version,
        last_version,
        last_attempt_date,
        -- one that was judged is no match for one that this run fits
        case when reason not in {{ fits }} or reason = 'unfinished' then candidate_version end as candidate_version,
        reason in {{ fits }} as fit_due,
        reason in {{ fits }}
        or coalesce(candidate_stage = 'unpublished', false)
        or (
            coalesce(pinned_version, reigning_version, candidate_version) is not null
            and (coalesce(last_scoring_date <> as_of_date, true) or coalesce(pinned_version <> reigning_version, false))
        ) as score_due,
        reason,
        not_learnable,
        {{ 'true' if tune else 'false' }} as tune,
        case reason when 'drift' then drift_evidence when 'performance' then quality_evidence end as evidence
    from (
        select
            state.model_name,
            clock.as_of_date,
            state.pinned_version,
            state.pinned_because,
            state.reigning_version,
            state.last_version,
            state.last_attempt_date,
            state.last_scoring_date,
            state.candidate_version,
            state.candidate_stage,
            learnability.not_learnable,
            state.drift_evidence,
            state.quality_evidence,
            case
                when learnability.not_learnable is not null then 'not_learnable'
                when '{{ retrain }}' = 'never' then 'never'
                when '{{ retrain }}' = 'force' or {{ 'true' if tune else 'false' }} then 'forced'
                when state.candidate_stage = 'unjudged' then 'unfinished'
                when coalesce(state.pinned_version, state.reigning_version, state.candidate_version) is null then 'no_champion'
                when state.has_drifted then 'drift'
                when state.has_degraded then 'performance'
                when
                    state.last_attempt_date is null
                    or state.next_due_date <= clock.as_of_date
                    then 'schedule'
                else 'not_due'
            end as reason
        from {{ ref('model_state') }} as state
        cross join {{ ref('point_in_time') }} as clock
        cross join {{ learnability }} as learnability
        where state.model_name = '{{ product.model_name }}'
    ) as decided
{% endmacro %}
