{#
  CTEs of probability_metrics, up to `cut`: one row per version, split, segment, forecaster (`model` or `baseline`) and
  distinct probability, with its rows and positives and with what would count as positive if the threshold were that
  probability. Computing all from such counts handles ties the same on every engine.

  Arguments
    backtest    relation with model_version, evaluated_as_of, split and the columns named below
    decision    relation <product>_retraining: as_of_date and whether a fit was due
    label, prediction, baseline  columns
    date        date column by which the versions are compared, a segment of its own
    segments    {name: expression}

  Example: {{ probability_counts(
               ref('churn_backtest'), ref('churn_retraining'), 'churned', 'churn_probability', 'baseline_probability',
               'as_of_date', {}
           ) }}
#}
{% macro probability_counts(backtest, decision, label, prediction, baseline, date, segments) -%}
    {% set group = 'model_version, as_of_date, split, forecaster' %}
    {% set by = {date: 'segment_0'} %}
    {% for name in segments %}{% do by.update({name: 'segment_' ~ loop.index}) %}{% endfor %}

    with evaluated as (

        select
            backtest.model_version,
            backtest.evaluated_as_of as as_of_date,
            backtest.split,
            cast(backtest.{{ label }} as double) as label,
            cast(backtest.{{ prediction }} as double) as prediction,
            cast(backtest.{{ baseline }} as double) as baseline,
            backtest.{{ date }} as segment_0
            {%- for name, expression in segments.items() %},
                {{ expression }} as segment_{{ loop.index }}
            {%- endfor %}
        from {{ backtest }} as backtest
        inner join {{ decision }} as decision on backtest.evaluated_as_of = decision.as_of_date
        where decision.fit_due

    ),

    segmented as (

        {{ in_segments('evaluated', by) }}

    ),

    forecasters as (

        select 'model' as forecaster
        union all
        select 'baseline' as forecaster

    ),

    forecasts as (

        select
            segmented.model_version,
            segmented.as_of_date,
            segmented.split,
            segmented.segment,
            forecasters.forecaster,
            case when forecasters.forecaster = 'model' then segmented.prediction else segmented.baseline end as probability,
            segmented.label
        from segmented
        cross join forecasters

    ),

    distinct_probabilities as (

        select
            {{ group | replace(', ', ',\n            ') }},
            segment,
            probability,
            count(*) as row_count,
            sum(label) as positives
        from forecasts
        group by {{ group }}, segment, probability

    ),

    -- rows and positives below each probability, and in the whole segment
    cumulated as (

        select
            *,
            (sum(row_count) over below) - row_count as rows_below,
            (sum(positives) over below) - positives as positives_below,
            sum(row_count) over whole as rows_in_all,
            sum(positives) over whole as positives_in_all
        from distinct_probabilities
        window
            below as (
                partition by {{ group }}, segment order by probability
                rows between unbounded preceding and current row
            ),
            whole as (partition by {{ group }}, segment)

    ),

    -- what would count as positive if the threshold were this probability
    cut as (

        select
            *,
            rows_in_all - rows_below as called,
            positives_in_all - positives_below as hits,
            cast(row_count as double) * probability as probability_sum,
            cast(floor(10 * (rows_below + 0.5e0 * row_count) / rows_in_all) as int) + 1 as bin
        from cumulated

    ),
{%- endmacro %}
