{#
  The metrics of a product's versions, by the macro of its task, and beside them what is naive; the whole of <product>_metrics.

  Argument
    product  a declaration (macro products)

  Example: {{ evaluate(product_demand()) }}
#}
{% macro evaluate(product) %}
    {{ metrics_table() }}
    {% set queries = [task_metrics(product)] + ([naive_metrics(product)] if product.naive else []) %}
    {% for query in queries %}
        select
            model_version,
            as_of_date,
            split,
            segment,
            metric_name,
            metric_value,
            baseline_value,
            row_count
        from (
            {{ query }}
        ) as measured
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

{# The metrics of a task, of a product. #}
{% macro task_metrics(product) %}
    {% set given = {
        'backtest': ref(product.product ~ '_backtest'),
        'decision': ref(product.product ~ '_retraining'),
        'label': product.label,
        'prediction': judged_prediction(product),
        'baseline': product.baseline,
        'segments': segments_of(product),
    } %}
    {% set further = product.get('metrics', {}) %}
    {% if product.task == 'count' %}
        {{ count_metrics(date=product.date, aggregate=further.aggregate, **given) }}
    {% elif product.task == 'regression' %}
        {{ regression_metrics(date=product.date, **given) }}
    {% elif product.task == 'probability' %}
        {% set cut = threshold_settings(product) %}
        {{ probability_metrics(
            date=product.date, further=further.get('further', []),
            decision_threshold=cut.decision_threshold, beta=cut.threshold_beta, **given
        ) }}
    {% elif product.task == 'forecast' %}
        {{ forecast_metrics(**given) }}
    {% elif product.task == 'value' %}
        {{ value_metrics(
            keys=product['keys'], none_probability=further.none_probability, active=value_is_active(product), **given
        ) }}
    {% elif product.task == 'ranking' %}
        {{ ranking_metrics(
            date=product.date, query=product.group[-1], item=product.item, catalogue=ref(further.catalogue),
            on_offer=further.on_offer,
            returns={'examples': ref(product.product ~ '_examples'), 'keys': product['keys'], 'by': further.returns} if further.returns,
            **given
        ) }}
    {% else %}
        {{ exceptions.raise_compiler_error(
            "product " ~ product.product ~ ": task is '" ~ product.task
            ~ "'; it takes count, regression, probability, forecast, value or ranking"
        ) }}
    {% endif %}
{% endmacro %}

{# The config of <product>_metrics: what was measured stays. #}
{% macro metrics_table() %}
    {{ config(
        materialized='incremental',
        unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'],
        full_refresh=false,
        tags=['training'],
    ) }}
{% endmacro %}

{# The column that is judged, of a model that may predict several. #}
{% macro judged_prediction(product) %}
    {{ return(product.prediction if product.prediction is string else product.prediction[0]) }}
{% endmacro %}

{# Which rows of a product of task `value` are active: a condition on a column that may have another name. #}
{% macro value_is_active(product, column=none) %}
    {% for named, values in product.metrics.active.items() %}
        {{ return((column or named) ~ " in ('" ~ values | join("', '") ~ "')") }}
    {% endfor %}
{% endmacro %}
