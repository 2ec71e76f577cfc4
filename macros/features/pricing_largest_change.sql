{#
  The largest change of a price within a month, in percent: var `pricing_largest_change`, a whole number from 1 to 30.

  Example: abs(price_level) <= {{ pricing_largest_change() }} / 100e0
#}
{% macro pricing_largest_change() %}
    {% set percent = var('pricing_largest_change') %}
    {% if percent is not integer or percent < 1 or percent > 30 %}
        {{ exceptions.raise_compiler_error("var pricing_largest_change is " ~ percent ~ "; it takes a whole percent from 1 to 30") }}
    {% endif %}
    {% if not pricing_levels() | reject('equalto', 0) | map('abs') | select('le', percent) | list %}
        {{ exceptions.raise_compiler_error(
            'var pricing_largest_change is ' ~ percent ~ ', and no step of var pricing_steps is as small: no price could change'
        ) }}
    {% endif %}
    {{ return(percent) }}
{% endmacro %}
