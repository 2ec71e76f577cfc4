{#
  Metrics of a product's versions as the run that fitted each of them found them. Later evaluations of a version that reigns
  have seen the weeks that it is judged by.

  Arguments
    row  an element of products()

  Columns: model_name, model_version, split, segment, metric_name, metric_value, baseline_value

  Example: select * from ({{ metrics_when_fitted(products()[0]) }}) as promised
#}
{% macro metrics_when_fitted(row) %}
    select
        '{{ row.model_name }}' as model_name,
        model_version,
        split,
        segment,
        metric_name,
        metric_value,
        baseline_value
    from (
        select
            *,
            min(as_of_date) over (partition by model_version) as fitted_as_of
        from (
            {{ ref_if_built(row.product ~ '_metrics', [
                'model_version', 'as_of_date', 'split', 'segment', 'metric_name', 'metric_value', 'baseline_value'
            ]) }}
        ) as metrics
    ) as dated
    where as_of_date = fitted_as_of
{% endmacro %}
