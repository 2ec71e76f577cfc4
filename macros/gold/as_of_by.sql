{#
  What the point in time of this run goes by, as point_in_time.chosen_by says it: `var` where a day is requested, else `today`
  on a workspace and `newest booking` on a laptop, whose gold stands still; there, too, where `newest` is requested.

  Example: {% if as_of_by() == 'today' %} … {% endif %}
#}
{% macro as_of_by() %}
    {% set requested = requested_as_of() %}
    {% if requested and requested != 'newest' %}
        {{ return('var') }}
    {% endif %}
    {{ return('today' if target.type == 'databricks' and not requested else 'newest booking') }}
{% endmacro %}
