{#
  Losses of single rows as SQL expressions, by metric: of the column `label` and a forecast of it. Where a metric is a mean over
  rows, this is what it is the mean of.

  Argument
    forecast  column

  Example: sum({{ row_losses('prediction').log_loss }}) / count(*)
#}
{% macro row_losses(forecast) %}
    {% set squared = '(' ~ forecast ~ ' - label) * (' ~ forecast ~ ' - label)' %}
    {{ return({
        'poisson_deviance': '2 * (case when label > 0 then label * ln(label / ' ~ forecast ~ ') else 0 end - (label - ' ~ forecast ~ '))',
        'log_loss': '-(label * ln(greatest(' ~ forecast ~ ', 1e-15)) + (1 - label) * ln(greatest(1 - ' ~ forecast ~ ', 1e-15)))',
        'mse': squared,
        'brier': squared,
        'wape': 'abs(' ~ forecast ~ ' - label)',
    }) }}
{% endmacro %}
