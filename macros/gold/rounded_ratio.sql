{#
  A ratio to two decimals, half up, by whole numbers: engines round quotients of decimals and doubles apart.

  Arguments
    hundredths  numerator in hundredths, a bigint of at least 0
    number      denominator, a bigint above 0
    type        of the result

  Example: {{ rounded_ratio('cast(100 * sum(nights) as bigint)', 'count(*)', 'decimal(10, 2)') }}
#}
{% macro rounded_ratio(hundredths, number, type) -%}
    cast(
        cast(
            2 * {{ hundredths }} + {{ number }} - (2 * {{ hundredths }} + {{ number }}) % (2 * {{ number }}) as double
        ) / (2 * {{ number }}) / 100 as {{ type }}
    )
{%- endmacro %}
