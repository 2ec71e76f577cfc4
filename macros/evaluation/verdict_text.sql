{#
  What choose_champion says of a version, in one sentence.

  Argument
    model_name  registered model

  Reads CTEs `placed` (the version with what was found of it, or nulls) and `decision`, as choose_champion has them.
#}
{% macro verdict_text(model_name) -%}
    '{{ model_name }} '
    || case
        when placed.model_version is not null
            then
                'v' || cast(placed.model_version as {{ dbt.type_string() }}) || ' (' || placed.role || '): '
                || placed.metric_name || ' ' || coalesce({{ number_text('placed.metric_value') }}, 'unknown')
                || ', baseline '
                || coalesce({{ number_text('placed.baseline_value') }}, 'unknown')
                || case when placed.missed_targets is not null then '; ' || placed.missed_targets else '' end
                || case when placed.beats_baseline then '' else '; does not beat the baseline' end
                || case
                    when placed.role = 'pinned' and placed.passes then '; serves; pinned, ' || decision.pinned_because
                    when placed.role = 'pinned' then '; does not serve, though it is pinned, ' || decision.pinned_because
                    when placed.is_treatment then '; serves the treatment arm of ' || placed.running_experiment
                    when decision.pinned_version is not null
                        then
                            case when placed.passes then '; passes, but v' else '; does not serve; v' end
                            || cast(decision.pinned_version as {{ dbt.type_string() }}) || ' is pinned, ' || decision.pinned_because
                    when placed.passes and placed.place = 1 and placed.role <> 'experiment' then '; serves'
                    when placed.passes then '; passes, but the other version is kept'
                    when placed.role = 'candidate' and decision.reason = 'not_due'
                        then '; does not serve; the schedule fits the next one, or --vars ''retrain: force'''
                    else '; does not serve'
                end
                || coalesce('; no longer learnable: ' || decision.not_learnable, '')
                {%- if gate_standard_errors() != 1.96 %}
                || '; judged by {{ gate_standard_errors() }} standard errors in place of 1.96'
                {%- endif %}
        else
            coalesce(
                'is not learnable: ' || decision.not_learnable,
                'has no version to consider; the retraining decision was ' || decision.reason
            )
    end
{%- endmacro %}
