{#
  Counts of values of what a version of a model saw and said: of its features in the examples, and of its predictions.

  Arguments
    version      name of a CTE with one row or none: model_name, model_version, as_of_date
    examples     relation of the product's examples
    predictions  relation with model_version and the predictions
    watched      what monitored_columns says
    split        split of the examples, whose rows are those of the version's as_of_date
    evaluated    true for the backtest, which has the split and evaluated_as_of, false for scores, which have as_of_date

  Columns: model_name, model_version, as_of_date, kind, feature_name, value, level, row_count

  Example: {{ version_counts('demand_served', ref('demand_examples'), ref('demand_scores'), watched, 'score', false) }}
#}
{% macro version_counts(version, examples, predictions, watched, split, evaluated) %}
    {% set features %}
        (
            select examples.*
            from {{ examples }} as examples
            cross join {{ version }} as version
            where
                examples.split = '{{ split }}'
                and {{ watched.rows }}
                {{ 'and examples.as_of_date = version.as_of_date' if not evaluated }}
        ) as chosen
    {% endset %}
    {% set predicted %}
        (
            select predictions.*
            from {{ predictions }} as predictions
            inner join {{ version }} as version
                on predictions.model_version = version.model_version
                and predictions.{{ 'evaluated_as_of' if evaluated else 'as_of_date' }} = version.as_of_date
            where
                {{ "predictions.split = '" ~ split ~ "' and" if evaluated }}
                {{ watched.rows }}
        ) as chosen
    {% endset %}
    {% set kinds = {} %}
    {% if watched.numeric or watched.categorical %}
        {% do kinds.update({'feature': value_counts(features, watched.numeric, watched.categorical)}) %}
    {% endif %}
    {% if watched.predictions %}
        {% do kinds.update({'prediction': value_counts(predicted, watched.predictions, [])}) %}
    {% endif %}
    {% for kind, counts in kinds.items() %}
        select
            version.model_name,
            version.model_version,
            version.as_of_date,
            '{{ kind }}' as kind,
            counted.feature_name,
            counted.value,
            counted.level,
            counted.row_count
        from ({{ counts }}) as counted
        cross join {{ version }} as version
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
