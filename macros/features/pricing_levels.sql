{#
  Price changes to try, in percent of the current price: var `pricing_steps`, whole numbers from -30 to 30 with 0.

  Example: {% for level in pricing_levels() %}
#}
{% macro pricing_levels() %}
    {% set levels = var('pricing_steps') %}
    {% for level in levels if level is not integer or level < -30 or level > 30 %}
        {{ exceptions.raise_compiler_error("var pricing_steps holds " ~ level ~ "; it takes whole percents from -30 to 30") }}
    {% endfor %}
    {% if 0 not in levels %}
        {{ exceptions.raise_compiler_error('var pricing_steps lacks 0, the current price') }}
    {% endif %}
    {{ return(levels) }}
{% endmacro %}
