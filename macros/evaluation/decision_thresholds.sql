{#
  CTEs of probability_metrics, up to `thresholds`: one row per version, split and forecaster, with what counts as positive at
  the decision threshold and at the one that was best on the validation rows.

  Arguments
    decision_threshold  the former; none where the best one decides
    beta                best is what has the largest F-beta

  Reads CTE `cut`, what would count as positive if the threshold were each probability.
#}
{% macro decision_thresholds(decision_threshold, beta) -%}
    {% set decides = 'best_thresholds.best_threshold' if decision_threshold is none else 'cast(' ~ decision_threshold ~ ' as double)' %}
    best_thresholds as (

        select
            model_version,
            as_of_date,
            forecaster,
            probability as best_threshold
        from (
            select
                model_version,
                as_of_date,
                forecaster,
                probability,
                row_number() over (
                    partition by model_version, as_of_date, forecaster
                    order by {{ f_score('hits', 'called', 'positives_in_all', 'cast(' ~ beta * beta ~ ' as double)') }} desc, probability desc
                ) as place
            from cut
            where segment = 'all' and split = 'validation' and positives_in_all > 0
        ) as ranked
        where place = 1

    ),

    -- the lowest probability at or above a threshold stands for it
    thresholds as (

        select
            cut.model_version,
            cut.as_of_date,
            cut.split,
            cut.forecaster,
            best_thresholds.best_threshold,
            max(cut.positives_in_all) as positives_in_all,
            coalesce(max(cut.called) filter (where cut.probability >= {{ decides }}), 0) as called,
            coalesce(max(cut.hits) filter (where cut.probability >= {{ decides }}), 0) as hits,
            coalesce(max(cut.called) filter (where cut.probability >= best_thresholds.best_threshold), 0) as called_at_best,
            coalesce(max(cut.hits) filter (where cut.probability >= best_thresholds.best_threshold), 0) as hits_at_best
        from cut
        left join best_thresholds
            on cut.model_version = best_thresholds.model_version
            and cut.as_of_date = best_thresholds.as_of_date
            and cut.forecaster = best_thresholds.forecaster
        where cut.segment = 'all'
        group by cut.model_version, cut.as_of_date, cut.split, cut.forecaster, best_thresholds.best_threshold

    ),
{%- endmacro %}
