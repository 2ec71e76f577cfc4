{#
  Metrics of a model that predicts money, mostly none and sometimes much, long, with the baseline's value on the same
  rows. For all rows and for every segment:

    poisson_deviance  mean of 2 (y ln(y / p) - y + p): a proper loss for means, whatever the spread (quasi-Poisson)
    mae               mean absolute error
    bias              sum of predictions over sum of labels, less 1
    mape_payers       mean of |p - y| / y over the rows with y > 0, each user by itself: how far one is off, which
                      no mean can make small
    payer_bias        mean predicted probability of any label less the share of rows with one; no baseline

  and for all rows, and once more with the suffix `_active` for those that `active` names:

    decile_mape       mean over ten groups of equal size, by prediction, of |mean p - mean y| / mean y; not defined
                      where a group has no label above 0
    normalised_gini   Gini coefficient of labels ordered by prediction over that of labels ordered by themselves
    spearman          rank correlation of prediction and label

  and mean_label and mean_prediction of segment `decile=01` (lowest predictions of all rows) to `decile=10`; the
  baseline's value is that of its own decile.

  Equal predictions share their mean rank; deciles break ties by key. Only rows of this run's evaluation are read;
  the table that calls it appends.

  Arguments
    backtest    relation with model_version, evaluated_as_of, split and the columns named below
    decision    relation <product>_retraining: as_of_date and whether a fit was due
    label, prediction, baseline  columns; predictions are positive, a baseline may be null
    keys        list of columns that tell rows apart
    none_probability  column, predicted probability of a label of 0
    active      condition on the columns of the backtest
    segments    {name: expression}

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count
#}
{% macro value_metrics(backtest, decision, label, prediction, baseline, keys, none_probability, active, segments) %}
    {% set text = dbt.type_string() %}
    {% set sides = ['model', 'baseline'] %}
    {% set groups = 'model_version, evaluated_as_of, split' %}
    {% set by = {} %}
    {% for name in segments %}{% do by.update({name: 'segment_' ~ loop.index}) %}{% endfor %}
    with evaluated as (

        select
            backtest.model_version,
            backtest.evaluated_as_of,
            backtest.split,
            {% for key in keys %}
                backtest.{{ key }} as key_{{ loop.index }},
            {% endfor %}
            {% for column, name in {
                label: 'label', prediction: 'model', baseline: 'baseline', none_probability: 'none_probability'
            }.items() %}
                backtest.{{ column }}{{ ' as ' ~ name if name != column }},
            {% endfor %}
            backtest.{{ active }}{{ ' as is_active' if active != 'is_active' }},
            {% for name, expression in segments.items() %}
                {{ expression }} as segment_{{ loop.index }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ backtest }} as backtest
        inner join {{ decision }} as decision on backtest.evaluated_as_of = decision.as_of_date
        where decision.fit_due

    ),

    losses as (

        select
            *,
            {% for side in sides %}
                2 * (
                    case when label > 0 then label * ln(label / {{ side }}) else 0 end - (label - {{ side }})
                ) as {{ side }}_deviance,
                abs({{ side }} - label) as {{ side }}_error{{ ',' if not loop.last }}
            {% endfor %}
        from evaluated

    ),

    segmented as (

        {{ in_segments('losses', by) }}

    ),

    averaged as (

        select
            {{ groups | replace(', ', ',\n            ') }},
            segment,
            count(*) as row_count,
            count(*) filter (where label > 0) as payers,
            {% for side in sides %}
                avg({{ side }}_deviance) as {{ side }}_poisson_deviance,
                avg({{ side }}_error) as {{ side }}_mae,
                sum({{ side }}) / nullif(sum(label), 0) - 1 as {{ side }}_bias,
                avg(case when label > 0 then {{ side }}_error / label end) as {{ side }}_mape_payers,
            {% endfor %}
            avg(1 - none_probability) - avg(case when label > 0 then 1e0 else 0e0 end) as model_payer_bias,
            cast(null as double) as baseline_payer_bias
        from segmented
        group by {{ groups }}, segment

    ),

    populated as (

        select
            *,
            '' as population
        from evaluated
        union all
        select
            *,
            '_active' as population
        from evaluated
        where is_active

    ),

    ranked as (

        select
            *,
            {% for column in ['label'] + sides %}
                rank() over (partition by {{ groups }}, population order by {{ column }})
                + (count(*) over (partition by {{ groups }}, population, {{ column }}) - 1) / 2e0 as {{ column }}_rank,
            {% endfor %}
            {% for side in sides %}
                ntile(10) over (
                    partition by {{ groups }}, population
                    order by {{ side }}{% for key in keys %}, key_{{ loop.index }}{% endfor %}
                ) as {{ side }}_decile{{ ',' if not loop.last }}
            {% endfor %}
        from populated

    ),

    -- sum of label times rank, less what it is when ranks say nothing: the Gini coefficient but for a factor
    ordered as (

        select
            {{ groups | replace(', ', ',\n            ') }},
            population,
            count(*) as row_count,
            {% for side in sides %}
                case
                    when count({{ side }}) > 0
                        then
                            (sum(label * {{ side }}_rank) - sum(label) * (count(*) + 1) / 2e0)
                            / nullif(sum(label * label_rank) - sum(label) * (count(*) + 1) / 2e0, 0)
                end as {{ side }}_normalised_gini,
                -- not corr: on one of the engines it fails where something does not vary
                case
                    when count({{ side }}) > 0
                        then
                            (avg({{ side }}_rank * label_rank) - avg({{ side }}_rank) * avg(label_rank))
                            / nullif(
                                sqrt(
                                    greatest(avg({{ side }}_rank * {{ side }}_rank) - avg({{ side }}_rank) * avg({{ side }}_rank), 0)
                                    * greatest(avg(label_rank * label_rank) - avg(label_rank) * avg(label_rank), 0)
                                ), 0
                            )
                end as {{ side }}_spearman{{ ',' if not loop.last }}
            {% endfor %}
        from ranked
        group by {{ groups }}, population

    ),

    deciles as (

        {% for side in sides %}
            select
                {{ groups | replace(', ', ',\n                ') }},
                population,
                '{{ side }}' as side,
                {{ side }}_decile as decile,
                count(*) as row_count,
                avg(label) as mean_label,
                avg({{ side }}) as mean_prediction
            from ranked
            group by {{ groups }}, population, {{ side }}_decile
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    decile_error as (

        select
            {{ groups | replace(', ', ',\n            ') }},
            population,
            sum(case when side = 'model' then row_count end) as row_count,
            {% for side in sides %}
                case
                    when min(case when side = '{{ side }}' then mean_label end) > 0
                        then avg(case when side = '{{ side }}' then abs(mean_prediction - mean_label) / nullif(mean_label, 0) end)
                end as {{ side }}_decile_mape{{ ',' if not loop.last }}
            {% endfor %}
        from deciles
        group by {{ groups }}, population

    ),

    decile_means as (

        select
            {{ groups | replace(', ', ',\n            ') }},
            'decile=' || lpad(cast(decile as {{ text }}), 2, '0') as segment,
            sum(case when side = 'model' then row_count end) as row_count,
            {% for measure in ['mean_label', 'mean_prediction'] %}
                {% for side in sides %}
                    max(case when side = '{{ side }}' then {{ measure }} end) as {{ side }}_{{ measure }},
                {% endfor %}
            {% endfor %}
            count(*) as sides
        from deciles
        where population = ''
        group by {{ groups }}, decile

    ),

    unioned as (

        {{ long_metrics(
            'averaged', ['poisson_deviance', 'mae', 'bias', 'mape_payers', 'payer_bias'], model='model_',
            counts={'mape_payers': 'payers'}
        ) }}
        union all
        {{ long_metrics('ordered', ['normalised_gini', 'spearman'], model='model_', segment="'all'", suffix='population') }}
        union all
        {{ long_metrics('decile_error', ['decile_mape'], model='model_', segment="'all'", suffix='population') }}
        union all
        {{ long_metrics('decile_means', ['mean_label', 'mean_prediction'], model='model_') }}

    ),

    final as (

        select *
        from unioned
        where row_count > 0

    )

    select * from final
{% endmacro %}
