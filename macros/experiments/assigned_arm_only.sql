{#
  Rows of the version that each unit gets: while an experiment runs, a unit of its treatment arm the version under
  treatment, everybody else the version that serves. All rows where no experiment runs.

  Arguments
    scores    relation or CTE with model_version and the unit, of every version that scores
    champion  relation <product>_champion
    unit      column that tells the units apart

  Example: with scores as ({{ assigned_arm_only(ref('churn_scores'), ref('churn_champion'), 'user_id') }})
#}
{% macro assigned_arm_only(scores, champion, unit) %}
    select scores.*
    from {{ scores }} as scores
    left join {{ champion }} as treatment
        on scores.model_name = treatment.model_name
        and treatment.experiment_name is not null
    where (
        treatment.experiment_name is null
        or (scores.model_version = treatment.model_version)
        = {{ is_treated('treatment.experiment_name', 'treatment.treatment_share', 'scores.' ~ unit) }}
    )
{% endmacro %}
