{#
  Whether a unit belongs to the treatment arm of an experiment.

  Arguments
    experiment_name  text expression
    share            expression of the share of the treatment arm, above 0 and below 1
    unit             whole-number expression; a null one is in no treatment arm

  Example: {{ is_treated('experiments.experiment_name', 'experiments.treatment_share', 'users.user_id') }}
#}
{% macro is_treated(experiment_name, share, unit) -%}
    coalesce({{ experiment_bucket(experiment_name, unit) }} < 10000 * {{ share }}, false)
{%- endmacro %}
