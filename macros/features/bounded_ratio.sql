{# A ratio between a third and three: more is chance, or a change of another kind. Example: {{ bounded_ratio('level_28', 'year_ago_level_28') }} #}
{% macro bounded_ratio(numerator, denominator) %}greatest(least({{ numerator }} / {{ denominator }}, 3), 1e0 / 3){% endmacro %}
