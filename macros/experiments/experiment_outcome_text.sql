{#
  What came out of an experiment, in words, as an expression over the columns of ab_results: outcome, problem, the arms'
  versions, units and means, the difference and its confidence sequence.

  Example: experiment_name || ': ' || {{ experiment_outcome_text() }} as verdict
#}
{% macro experiment_outcome_text() -%}
    {% set text = dbt.type_string() -%}
    case outcome
        when 'invalid' then problem
        when 'planned' then 'starts on ' || cast(start_date as {{ text }})
        when 'nobody_exposed' then 'no day yet on which both versions served'
        when 'sample_ratio_mismatch'
            then
                cast(control_units as {{ text }}) || ' and ' || cast(treatment_units as {{ text }})
                || ' units, which the split of ' || {{ number_text('treatment_share') }}
                || ' cannot explain; find out who is missing before you read the rest'
        when 'too_few_units'
            then
                'wait; ' || cast(least(control_units, treatment_units) as {{ text }}) || ' of '
                || cast(min_rows as {{ text }}) || ' units in the smaller arm'
        else
            'v' || cast(treatment_version as {{ text }})
            || case outcome
                when 'treatment_better' then ' is better'
                when 'treatment_worse' then ' is worse'
                else ' is neither better nor worse' || case status when 'running' then ' so far' else '' end
            end
            || ': ' || metric_name || ' ' || coalesce({{ number_text('treatment_mean') }}, 'unknown')
            || ' against ' || coalesce({{ number_text('control_mean') }}, 'unknown')
            || ', difference ' || coalesce({{ number_text('difference') }}, 'unknown')
            || coalesce(
                ' (' || {{ number_text('difference - sequential_half_width') }} || ' to '
                || {{ number_text('difference + sequential_half_width') }} || ' with 95 % at every look)',
                ''
            )
    end
{%- endmacro %}
