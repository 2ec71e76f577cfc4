{#
  A number as people write it, to four decimals: 3, not 3.0, and 0.0001, not 1.0E-4; null stays null. What has more than 23
  digits before the point, or is infinite, is said as such: the engines write it each in its own way.

  Example: {{ number_text('targets.target') }}
#}
{% macro number_text(expression) -%}
    case
        when isnan(cast({{ expression }} as double)) then 'NaN'
        when abs(cast({{ expression }} as double)) = cast('infinity' as double)
            then case when {{ expression }} > 0 then 'infinite' else '-infinite' end
        when abs(cast({{ expression }} as double)) >= 1e23 then case when {{ expression }} > 0 then 'over 1e23' else 'under -1e23' end
        else trim(trailing '.' from trim(
            trailing '0' from cast(cast({{ expression }} as decimal(28, 4)) as {{ dbt.type_string() }})
        ))
    end
{%- endmacro %}
