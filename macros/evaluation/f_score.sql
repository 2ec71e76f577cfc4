{# F-beta of `hits` positives among `called` rows, with `positives` in all: `weight` is beta squared #}
{% macro f_score(hits, called, positives, weight='1') -%}
    (1 + {{ weight }}) * {{ hits }} / nullif(cast({{ called }} + {{ weight }} * {{ positives }} as double), 0)
{%- endmacro %}
