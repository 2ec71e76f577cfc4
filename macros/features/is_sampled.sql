{#
  Whether a row is in the sample that brings `rows` down to about `most`, drawn by hash_fraction.

  Arguments
    numbers  list of integer expressions that are sampled together, as in hash_fraction
    salt     whole number: another salt, an independent draw
    most     expression: rows wanted; null for all
    rows     expression: rows there are

  Example: where {{ is_sampled(['user_id'], salt=12, most='row_limit', rows='eligible_rows') }}
#}
{% macro is_sampled(numbers, salt, most, rows) -%}
    coalesce({{ hash_fraction(numbers, salt) }} * {{ rows }} < {{ most }}, true)
{%- endmacro %}
