{#
  The version that scored today: one row, or none where no version serves, or nothing was there to score.

  Arguments
    row  row of the inventory, as `products` gives it: model_name, product

  Columns: model_name, model_version, as_of_date

  Example: select served.* from ({{ scoring_version(row) }}) as served
#}
{% macro scoring_version(row) %}
    select distinct
        '{{ row.model_name }}' as model_name,
        champion.model_version,
        champion.as_of_date
    from {{ ref(row.product ~ '_champion') }} as champion
    inner join {{ ref(row.product ~ '_scores') }} as scores
        on champion.model_version = scores.model_version
        and champion.as_of_date = scores.as_of_date
    where champion.serves
{% endmacro %}
