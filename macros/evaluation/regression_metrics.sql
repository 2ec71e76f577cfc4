{#
  Metrics of a model that predicts a number, long, with the baseline's value on the same rows: mse (mean squared error), rmse,
  mae and bias (mean prediction less mean label).

  Segments: 'all', '<date column>=<date>' (for paired intervals over dates), '<name>=<value>' for each of `segments`. Only rows
  of this run's evaluation are read; the table that calls it appends.

  Arguments
    backtest    relation with model_version, evaluated_as_of, split and the columns named below
    decision    relation <product>_retraining: as_of_date and whether a fit was due
    label, prediction, baseline  columns
    date        date column of the label
    segments    {name: expression}

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count
#}
{% macro regression_metrics(backtest, decision, label, prediction, baseline, date, segments) %}
    {% set by = {date: date} %}
    {% do by.update(segments) %}
    with evaluated as (

        select backtest.*
        from {{ backtest }} as backtest
        inner join {{ decision }} as decision on backtest.evaluated_as_of = decision.as_of_date
        where decision.fit_due

    ),

    errors as (

        select
            *,
            {{ prediction }} - {{ label }} as error,
            {{ baseline }} - {{ label }} as baseline_error
        from evaluated

    ),

    segmented as (

        {{ in_segments('errors', by) }}

    ),

    averaged as (

        select
            model_version,
            evaluated_as_of,
            split,
            segment,
            count(*) as row_count,
            {% for side in ['', 'baseline_'] %}
                avg({{ side }}error * {{ side }}error) as {{ side }}mse,
                sqrt(avg({{ side }}error * {{ side }}error)) as {{ side }}rmse,
                avg(abs({{ side }}error)) as {{ side }}mae,
                avg({{ side }}error) as {{ side }}bias{{ ',' if not loop.last }}
            {% endfor %}
        from segmented
        group by model_version, evaluated_as_of, split, segment

    ),

    final as (

        {{ long_metrics('averaged', ['mse', 'rmse', 'mae', 'bias']) }}

    )

    select * from final
{% endmacro %}
