{#
  Metrics of a model that predicts counts, long, with the baseline's value on the same rows: mean
  Poisson deviance, rmse, mae, bias (mean prediction less mean label) and wape_week, the absolute error of
  weekly sums per `aggregate` over the sum of labels.

  Segments: 'all', '<date column>=<date>' (for paired intervals over dates), '<name>=<value>' for each of
  `segments`. Only rows of this run's evaluation are read; the table that calls it appends.

  Arguments
    backtest    relation with model_version, evaluated_as_of, split and the columns named below
    decision    relation <product>_retraining: as_of_date and whether a fit was due
    label, prediction, baseline  columns
    date        date column of the label
    aggregate   column beside the week at which wape_week sums
    segments    {name: expression}

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count
#}
{% macro count_metrics(backtest, decision, label, prediction, baseline, date, aggregate, segments) %}
    {% set by = {date: date} %}
    {% do by.update(segments) %}
    with evaluated as (

        select backtest.*
        from {{ backtest }} as backtest
        inner join {{ decision }} as decision on backtest.evaluated_as_of = decision.as_of_date
        where decision.fit_due

    ),

    losses as (

        select
            *,
            2 * (
                case when {{ label }} > 0 then {{ label }} * ln({{ label }} / {{ prediction }}) else 0 end
                - ({{ label }} - {{ prediction }})
            ) as deviance,
            2 * (
                case when {{ label }} > 0 then {{ label }} * ln({{ label }} / {{ baseline }}) else 0 end
                - ({{ label }} - {{ baseline }})
            ) as baseline_deviance
        from evaluated

    ),

    segmented as (

        {{ in_segments('losses', by) }}

    ),

    averaged as (

        select
            model_version,
            evaluated_as_of,
            split,
            segment,
            count(*) as row_count,
            avg(deviance) as poisson_deviance,
            avg(baseline_deviance) as baseline_poisson_deviance,
            sqrt(avg(({{ label }} - {{ prediction }}) * ({{ label }} - {{ prediction }}))) as rmse,
            sqrt(avg(({{ label }} - {{ baseline }}) * ({{ label }} - {{ baseline }}))) as baseline_rmse,
            avg(abs({{ label }} - {{ prediction }})) as mae,
            avg(abs({{ label }} - {{ baseline }})) as baseline_mae,
            avg({{ prediction }} - {{ label }}) as bias,
            avg({{ baseline }} - {{ label }}) as baseline_bias
        from segmented
        group by model_version, evaluated_as_of, split, segment

    ),

    weekly as (

        select
            model_version,
            evaluated_as_of,
            split,
            count(*) as row_count,
            sum({{ label }}) as label_sum,
            abs(sum({{ label }} - {{ prediction }})) as error_sum,
            abs(sum({{ label }} - {{ baseline }})) as baseline_error_sum
        from evaluated
        group by
            model_version,
            evaluated_as_of,
            split,
            {{ aggregate }},
            cast(floor({{ day_number(date) }} / 7.0) as bigint)

    ),

    weekly_error as (

        select
            model_version,
            evaluated_as_of,
            split,
            sum(row_count) as row_count,
            sum(error_sum) / nullif(sum(label_sum), 0) as wape_week,
            sum(baseline_error_sum) / nullif(sum(label_sum), 0) as baseline_wape_week
        from weekly
        group by model_version, evaluated_as_of, split

    ),

    final as (

        {{ long_metrics('averaged', ['poisson_deviance', 'rmse', 'mae', 'bias']) }}
        union all
        {{ long_metrics('weekly_error', ['wape_week'], segment="'all'") }}

    )

    select * from final
{% endmacro %}
