{#
  Levenshtein distance: how many letters have to be inserted, removed or replaced to make one text of another.

  Example: {{ edit_distance('retrian', 'retrain') }} is 2
#}
{% macro edit_distance(one, other) %}
    {# from the first letters of `one` so far to each beginning of `other` #}
    {% set distances = namespace(row=range(other | length + 1) | list) %}
    {% for letter in one %}
        {% set next = [loop.index] %}
        {% for other_letter in other %}
            {% do next.append([
                next[-1] + 1,
                distances.row[loop.index] + 1,
                distances.row[loop.index0] + (0 if letter == other_letter else 1),
            ] | min) %}
        {% endfor %}
        {% set distances.row = next %}
    {% endfor %}
    {{ return(distances.row[-1]) }}
{% endmacro %}
