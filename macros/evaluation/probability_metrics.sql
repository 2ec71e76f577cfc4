{#
  Metrics of a model that predicts the probability of a label of 0 or 1, long, with the baseline's value on the same
  rows. In every segment:

    log_loss           mean of -ln(probability given to what happened), probabilities kept 1e-15 away from 0 and 1
    brier              mean squared error of the probability
    auc                area under the ROC curve (Mann-Whitney; a tie counts half); null with one class only
    bias               mean prediction less mean label
    positive_rate      mean label; the baseline's value is the same

  and for all rows:

    average_precision  area under the precision-recall curve, as a sum of steps
    precision, recall, f1
                       at the decision threshold where one is given, else at best_threshold
    best_threshold     with the largest F-beta on the validation rows, whichever split the row is of; the baseline has its
                       own
    f1_at_best_threshold
                       on the rows of the split, so that the value on test is honest
    ece                expected calibration error over ten bins of equal count: mean over rows of
                       |mean prediction - mean label| of the bin

  and for all rows, where `further` names them:

    f_beta             at the decision threshold
    f1_over_trivial    f1 less that of calling every row positive, 2r / (1 + r) with a positive_rate of r
    lift_top_decile    positive rate of the tenth of the rows with the largest probabilities over that of all rows; of
                       rows that tie at its edge a part counts

  Segments: 'all', '<date column>=<date>' (for paired intervals over dates), '<name>=<value>' for each of `segments`,
  and 'probability_bin=01' to '10' with metrics mean_predicted and observed_rate, the reliability table. A bin holds
  rows of equal probability together, so bins are of equal count as far as ties allow; row_count is the model's, the
  baseline's values are those of its own bin. Only rows of this run's evaluation are read; the table that calls it
  appends.

  Everything is computed from counts by distinct probability (probability_counts).

  Arguments
    backtest    relation with model_version, evaluated_as_of, split and the columns named below
    decision    relation <product>_retraining: as_of_date and whether a fit was due
    label, prediction, baseline  columns
    date        date column by which the versions are compared
    segments    {name: expression}
    further     list of further metrics wanted
    decision_threshold, beta  a declaration's `decision_threshold` and `threshold_beta` (threshold_settings)

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count
#}
{% macro probability_metrics(
    backtest, decision, label, prediction, baseline, date, segments, further=[], decision_threshold=none, beta=1
) %}
    {% set text = dbt.type_string() %}
    {% for metric in further if metric not in ['f_beta', 'f1_over_trivial', 'lift_top_decile'] %}
        {{ exceptions.raise_compiler_error(
            "probability_metrics: further names '" ~ metric ~ "'; it takes f_beta, f1_over_trivial and lift_top_decile"
        ) }}
    {% endfor %}
    {% set averages = ['log_loss', 'brier', 'auc', 'bias', 'positive_rate'] %}
    {% set of_all = [
        'average_precision', 'precision', 'recall', 'f1', 'best_threshold', 'f1_at_best_threshold', 'ece'
    ] + further %}
    {% set group = 'model_version, as_of_date, split, forecaster' %}

    {{ probability_counts(backtest, decision, label, prediction, baseline, date, segments) }}

    averaged as (

        select
            {{ group | replace(', ', ',\n            ') }},
            segment,
            sum(row_count) as row_count,
            -sum(
                positives * ln(greatest(probability, 1e-15))
                + (row_count - positives) * ln(greatest(1 - probability, 1e-15))
            ) / sum(row_count) as log_loss,
            sum(
                positives * (1 - probability) * (1 - probability) + (row_count - positives) * probability * probability
            ) / sum(row_count) as brier,
            sum(positives * (rows_below - positives_below + 0.5e0 * (row_count - positives)))
            / nullif(max(positives_in_all) * (max(rows_in_all) - max(positives_in_all)), 0) as auc,
            (sum(probability_sum) - sum(positives)) / sum(row_count) as bias,
            sum(positives) / sum(row_count) as positive_rate,
            sum(positives * hits / called) / nullif(max(positives_in_all), 0) as average_precision,
            sum(
                positives * least(greatest(0.1e0 * rows_in_all - (called - row_count), 0), row_count) / row_count
            ) / nullif(0.1e0 * max(positives_in_all), 0) as lift_top_decile
        from cut
        group by {{ group }}, segment

    ),

    {{ decision_thresholds(decision_threshold, beta) }}

    bins as (

        select
            {{ group | replace(', ', ',\n            ') }},
            bin,
            sum(row_count) as row_count,
            sum(probability_sum) / sum(row_count) as mean_predicted,
            sum(positives) / sum(row_count) as observed_rate
        from cut
        where segment = 'all'
        group by {{ group }}, bin

    ),

    calibration_errors as (

        select
            {{ group | replace(', ', ',\n            ') }},
            sum(row_count * abs(mean_predicted - observed_rate)) / sum(row_count) as ece
        from bins
        group by {{ group }}

    ),

    measured as (

        select
            averaged.*,
            thresholds.hits / nullif(cast(thresholds.called as double), 0) as precision_at_threshold,
            thresholds.hits / nullif(cast(thresholds.positives_in_all as double), 0) as recall,
            {{ f_score('thresholds.hits', 'thresholds.called', 'thresholds.positives_in_all') }} as f1,
            {{ f_score('thresholds.hits', 'thresholds.called', 'thresholds.positives_in_all', 'cast(' ~ beta * beta ~ ' as double)') }} as f_beta,
            {{ f_score('thresholds.hits', 'thresholds.called', 'thresholds.positives_in_all') }}
            - 2 * averaged.positive_rate / (1 + averaged.positive_rate) as f1_over_trivial,
            thresholds.best_threshold,
            {{ f_score('thresholds.hits_at_best', 'thresholds.called_at_best', 'thresholds.positives_in_all') }}
                as f1_at_best_threshold,
            calibration_errors.ece
        from averaged
        left join thresholds
            on averaged.model_version = thresholds.model_version
            and averaged.as_of_date = thresholds.as_of_date
            and averaged.split = thresholds.split
            and averaged.forecaster = thresholds.forecaster
            and averaged.segment = 'all'
        left join calibration_errors
            on averaged.model_version = calibration_errors.model_version
            and averaged.as_of_date = calibration_errors.as_of_date
            and averaged.split = calibration_errors.split
            and averaged.forecaster = calibration_errors.forecaster
            and averaged.segment = 'all'

    ),

    metric_names as (

        {% for metric in averages + of_all %}
            select
                '{{ metric }}' as metric_name,
                {{ 'true' if metric in of_all else 'false' }} as is_of_all
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    rates as (

        select 'mean_predicted' as metric_name
        union all
        select 'observed_rate' as metric_name

    ),

    valued as (

        select
            measured.model_version,
            measured.as_of_date,
            measured.split,
            measured.forecaster,
            measured.segment,
            metric_names.metric_name,
            case metric_names.metric_name
                {% for metric in averages + of_all %}
                    when '{{ metric }}' then measured.{{ "precision_at_threshold" if metric == "precision" else metric }}
                {% endfor %}
            end as metric_value,
            measured.row_count
        from measured
        inner join metric_names on measured.segment = 'all' or not metric_names.is_of_all
        union all
        select
            bins.model_version,
            bins.as_of_date,
            bins.split,
            bins.forecaster,
            'probability_bin=' || lpad(cast(bins.bin as {{ text }}), 2, '0') as segment,
            rates.metric_name,
            case when rates.metric_name = 'mean_predicted' then bins.mean_predicted else bins.observed_rate end as metric_value,
            bins.row_count
        from bins
        cross join rates

    ),

    final as (

        select
            model_version,
            as_of_date,
            split,
            segment,
            metric_name,
            max(case when forecaster = 'model' then metric_value end) as metric_value,
            max(case when forecaster = 'baseline' then metric_value end) as baseline_value,
            cast(max(case when forecaster = 'model' then row_count end) as bigint) as row_count
        from valued
        group by model_version, as_of_date, split, segment, metric_name
        -- ties may leave the model without rows in a bin that the baseline fills
        having max(case when forecaster = 'model' then row_count end) is not null

    )

    select * from final
{% endmacro %}
