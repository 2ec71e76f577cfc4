{#
  The second reference of a product's metrics: for all rows `naive_<metric>`, the loss of the declaration's `naive` column, which
  knows less than the baseline; baseline_value is that of the baseline on the same rows. By the task:

    poisson_deviance   count, value
    mse                regression
    log_loss, brier    probability
    wape               forecast: of the days of the total

  Rows of which nothing naive is known, as in a young gold, count on neither side.

  Argument
    product  a declaration (macro products) with `naive`

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count

  Example: {{ naive_metrics(product_demand()) }}
#}
{% macro naive_metrics(product) %}
    {% set metrics = {
        'count': ['poisson_deviance'],
        'value': ['poisson_deviance'],
        'regression': ['mse'],
        'probability': ['log_loss', 'brier'],
        'forecast': ['wape'],
    }[product.task] %}
    {% set losses = row_losses('forecast') %}
    {% set of_days = product.task == 'forecast' %}
    {% set keys = product.get('keys') or ['as_of_date', 'forecast_level', 'destination_id', 'forecast_date'] %}
    with evaluated as (

        select
            backtest.model_version,
            backtest.evaluated_as_of,
            backtest.split,
            cast(backtest.{{ product.label }} as double) as label,
            cast(backtest.{{ product.baseline }} as double) as baseline,
            cast(examples.{{ product.naive }} as double) as naive
        from {{ ref(product.product ~ '_backtest') }} as backtest
        inner join {{ ref(product.product ~ '_retraining') }} as decision
            on backtest.evaluated_as_of = decision.as_of_date
        inner join {{ ref(product.product ~ '_examples') }} as examples
            on backtest.split = examples.split
            {% for key in keys %}
                and backtest.{{ key }} = examples.{{ key }}
            {% endfor %}
        where
            decision.fit_due
            and examples.{{ product.naive }} is not null
            and backtest.{{ product.baseline }} is not null
            {% if of_days %}
                and backtest.forecast_level = 'total'
                and backtest.window_days = 1
            {% endif %}

    ),

    forecasts as (

        {% for side in ['naive', 'baseline'] %}
            select
                model_version,
                evaluated_as_of,
                split,
                '{{ side }}' as forecaster,
                label,
                {{ side }} as forecast
            from evaluated
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    averaged as (

        select
            model_version,
            evaluated_as_of,
            split,
            forecaster,
            count(*) as row_count,
            {% for metric in metrics %}
                sum({{ losses[metric] }}) / nullif({{ 'sum(label)' if of_days else 'count(*)' }}, 0) as {{ metric }}{{ ',' if not loop.last }}
            {% endfor %}
        from forecasts
        group by model_version, evaluated_as_of, split, forecaster

    ),

    side_by_side as (

        select
            model_version,
            evaluated_as_of,
            split,
            max(row_count) as row_count,
            {% for metric in metrics %}
                max(case when forecaster = 'naive' then {{ metric }} end) as naive_{{ metric }},
                max(case when forecaster = 'baseline' then {{ metric }} end) as baseline_naive_{{ metric }}{{ ',' if not loop.last }}
            {% endfor %}
        from averaged
        group by model_version, evaluated_as_of, split

    )

    {% set named = [] %}
    {% for metric in metrics %}{% do named.append('naive_' ~ metric) %}{% endfor %}
    {{ long_metrics('side_by_side', named, segment="'all'") }}
{% endmacro %}
