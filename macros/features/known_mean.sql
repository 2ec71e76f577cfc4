{#
  Rows with the mean label of their entity as it was known on a date, shrunk towards that of all: a rule that needs no model,
  and the baseline of a product that has no better one.

  Arguments
    rows        CTE with the entity and the date
    labels      relation with the entity, label_known_date and the label, null while it is not known
    entity      list of columns of both
    date        column of `rows`: labels count that are known on it
    label       column of `labels`
    name        of the column that is added
    prior_rows  labels of the mean of all that an entity's own mean is mixed with
    least       smallest value that the result may have; none where any will do

  Example: {{ known_mean('wanted', ref('telecom_churn_spine'), ['customer_id'], 'as_of_date', 'churned', 'baseline_churned') }}
#}
{% macro known_mean(rows, labels, entity, date, label, name, prior_rows=10, least=none) %}
    {% set mixed = '(coalesce(own.label_sum, 0) + ' ~ prior_rows ~ ' * coalesce(everyone.label_sum / nullif(everyone.label_rows, 0), 0e0)) / (coalesce(own.label_rows, 0) + ' ~ prior_rows ~ ')' %}
    select
        given.*,
        {{ 'greatest(' ~ mixed ~ ', ' ~ least ~ ')' if least is not none else mixed }} as {{ name }}
    from {{ rows }} as given
    left join (
        {{ _known_sums(rows, labels, entity, date, label) }}
    ) as own
        on {% for column in entity %}given.{{ column }} = own.{{ column }} and {% endfor %}given.{{ date }} = own.wanted_date
    left join (
        {{ _known_sums(rows, labels, [], date, label) }}
    ) as everyone
        on given.{{ date }} = everyone.wanted_date
{% endmacro %}

{# By entity and wanted date: sum and number of the labels that were known. #}
{% macro _known_sums(rows, labels, entity, date, label) %}
    {% set keys = entity | join(', ') ~ (', ' if entity) %}
    select
        {{ keys }}
        wanted_date,
        label_sum,
        label_rows
    from (
        select
            {{ keys }}
            known_date as wanted_date,
            sum(label_sum) over so_far as label_sum,
            sum(label_rows) over so_far as label_rows,
            sum(is_wanted) over (partition by {{ keys }}known_date) as is_wanted
        from (
            select
                {{ keys }}
                label_known_date as known_date,
                sum({{ label }}) as label_sum,
                count({{ label }}) as label_rows,
                0 as is_wanted
            from {{ labels }}
            where {{ label }} is not null
            group by {{ keys }}label_known_date
            union all
            select distinct
                {{ keys }}
                {{ date }} as known_date,
                0e0 as label_sum,
                0 as label_rows,
                1 as is_wanted
            from {{ rows }}
        ) as events
        window so_far as (
            {{ 'partition by ' ~ entity | join(', ') if entity }}
            order by known_date
            range between unbounded preceding and current row
        )
    ) as running
    where is_wanted > 0
    {# a date may be both: one of its two rows #}
    group by {{ keys }}wanted_date, label_sum, label_rows
{% endmacro %}
