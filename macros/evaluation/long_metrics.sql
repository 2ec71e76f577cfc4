{#
  Metrics that stand side by side, one below the other, as the tables <product>_metrics have them: metric_name,
  metric_value, baseline_value and row_count.

  Arguments
    relation  CTE with model_version, evaluated_as_of, split, row_count and for each metric the columns <model><metric> and
              <baseline><metric>
    metrics   list of names
    model, baseline  what the columns' names begin with
    segment   expression
    suffix    expression for what the names end with, if anything
    counts    {metric: column that stands in for row_count}

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count

  Example: {{ long_metrics('averaged', ['mae', 'bias']) }}
#}
{% macro long_metrics(relation, metrics, model='', baseline='baseline_', segment='segment', suffix=none, counts={}) %}
    select
        model_version,
        evaluated_as_of as as_of_date,
        split,
        {{ segment }}{{ ' as segment' if segment != 'segment' }},
        metric_name{{ ' || ' ~ suffix ~ ' as metric_name' if suffix }},
        {% for value, prefix in {'metric_value': model, 'baseline_value': baseline}.items() %}
            case metric_name
                {% for metric in metrics %}
                    when '{{ metric }}' then cast({{ prefix }}{{ metric }} as double)
                {% endfor %}
            end as {{ value }},
        {% endfor %}
        {% if counts %}
            cast(
                case metric_name
                    {% for metric, column in counts.items() %}when '{{ metric }}' then {{ column }}{% endfor %}
                    else row_count
                end as bigint
            ) as row_count
        {% else %}
            cast(row_count as bigint) as row_count
        {% endif %}
    from {{ relation }}
    cross join (
        {% for metric in metrics %}
            select '{{ metric }}' as metric_name
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as metric_names
{% endmacro %}
