{#
  Mean price asked for a night between two days, each day counting alike; exact, as sums of decimals are.

  Arguments
    first_day  date expression
    last_day   date expression: the day after the last one that counts

  Groups rows of a relation `asked` with base_price and the days asked_from to before asked_until.
  Example: {{ mean_asked_price('spine.as_of_date', 'spine.label_known_date') }}
#}
{% macro mean_asked_price(first_day, last_day) -%}
    {% set days = dbt.datediff('greatest(asked.asked_from, ' ~ first_day ~ ')', 'least(asked.asked_until, ' ~ last_day ~ ')', 'day') %}
    cast(sum(cast(asked.base_price as decimal(18, 4)) * {{ days }}) as double) / sum({{ days }})
{%- endmacro %}
