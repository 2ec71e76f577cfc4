{#
  A number as people write it, to four decimals: 3, not 3.0, and 0.0001, not 1.0E-4; null stays null.

  Example: {{ number_text('targets.target') }}
#}
{% macro number_text(expression) -%}
    case
        when isnan(cast({{ expression }} as double)) then 'NaN'
        else trim(trailing '.' from trim(
            trailing '0' from cast(cast({{ expression }} as decimal(28, 4)) as {{ dbt.type_string() }})
        ))
    end
{%- endmacro %}
