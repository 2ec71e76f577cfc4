{#
  Jensen-Shannon distance to base 2, an aggregate over the groups of values of a column: the square root of the mean
  Kullback-Leibler divergence of the two distributions from their mean. 0 where they are the same, 1 where they share no
  group; empty groups need no smoothing.

  Arguments: expressions, the group's share of reference rows and of current rows

  Example: select {{ js_distance('reference_share', 'current_share') }} as js_distance
#}
{% macro js_distance(reference_share, current_share) -%}
    {%- set middle = '((' ~ reference_share ~ ' + ' ~ current_share ~ ') / 2)' -%}
    {#- rounded, as the root of a rest of 1e-17 would be 3e-9 on one engine and 0 on another -#}
    sqrt(round(greatest(sum(
        case when {{ reference_share }} > 0 then {{ reference_share }} * ln({{ reference_share }} / {{ middle }}) else 0 end
        + case when {{ current_share }} > 0 then {{ current_share }} * ln({{ current_share }} / {{ middle }}) else 0 end
    ) / (2 * ln(2e0)), 0), 12))
{%- endmacro %}
