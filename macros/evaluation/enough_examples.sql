{#
  Why the labels of a product cannot teach it: one row with a column `not_learnable`, null where they can. For
  <product>_retraining of a product with dated_splits.

  Arguments
    product   a declaration (macro products)
    date      column of the spine
    min_rows  labels that train, validation and test need each; of labels of 0 or 1, so many of both in all

  Example: with learnability as ({{ enough_examples(product_telecom_churn(), 'snapshot_date') }})
#}
{% macro enough_examples(product, date, min_rows=100) %}
    {% set of_two = product.task in ['probability', 'ranking'] %}
    select
        case
            when fewest_labels = 0 and newest_label is null
                then 'no label is known yet: a row of {{ product.product }}_spine with {{ product.label }}, {{ product.truth_days }} days or more before the point in time, is needed'
            when fewest_labels < {{ min_rows }}
                then
                    'too few labels: ' || cast(fewest_labels as {{ dbt.type_string() }})
                    || ' in the smallest of the train, validation and test dates, {{ min_rows }} are needed'
            {% if of_two %}
                when fewest_of_a_class < 10
                    then
                        'too few of one class: ' || cast(fewest_of_a_class as {{ dbt.type_string() }})
                        || ' in the smallest of the train, validation and test dates, 10 are needed'
            {% endif %}
        end as not_learnable
    from (
        select
            min(labels) as fewest_labels,
            max(newest_label) as newest_label,
            min(least(positives, labels - positives)) as fewest_of_a_class
        from (
            select
                splits.split,
                max(splits.last_date) as newest_label,
                count(examples.{{ product.label }}) as labels,
                count(case when examples.{{ product.label }} > 0 then 1 end) as positives
            from {{ ref(product.product ~ '_splits') }} as splits
            left join {{ ref(product.product ~ '_spine') }} as examples
                on splits.first_date <= examples.{{ date }}
                and splits.last_date >= examples.{{ date }}
            where splits.split in ('train', 'validation', 'test')
            group by splits.split
        ) as counted
    ) as extremes
{% endmacro %}
