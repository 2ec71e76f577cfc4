{#
  The one of `names` that is spelt most like `name`, or none where more than half of the letters would have to change.

  Example: {{ nearest_name('retrian', ['as_of', 'retrain']) }} is retrain
#}
{% macro nearest_name(name, names) %}
    {% set ranked = [] %}
    {% for candidate in names %}
        {% do ranked.append((edit_distance(name, candidate), candidate)) %}
    {% endfor %}
    {% set distance, nearest = (ranked | sort)[0] %}
    {{ return(nearest if 2 * distance <= name | length else none) }}
{% endmacro %}
