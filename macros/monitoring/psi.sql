{#
  Population stability index, an aggregate over the groups of values of a column: the sum of (q - p) ln(q / p) with p and q
  the group's share of reference and of current rows. Half a row is added to each group on both sides (Krichevsky and
  Trofimov), so that an empty group has a finite and modest say. Without drift its mean is about
  (groups - 1) (1 / reference rows + 1 / current rows).

  Arguments: expressions
    reference_rows, current_rows  rows of the group
    reference_all, current_all    rows of all groups
    groups                        number of groups

  Example: select {{ psi('reference_rows', 'current_rows', 'reference_all', 'current_all', 'groups') }} as psi
#}
{% macro psi(reference_rows, current_rows, reference_all, current_all, groups) -%}
    {%- set p = '((' ~ reference_rows ~ ' + 0.5e0) / (' ~ reference_all ~ ' + 0.5e0 * ' ~ groups ~ '))' -%}
    {%- set q = '((' ~ current_rows ~ ' + 0.5e0) / (' ~ current_all ~ ' + 0.5e0 * ' ~ groups ~ '))' -%}
    sum(({{ q }} - {{ p }}) * ln({{ q }} / {{ p }}))
{%- endmacro %}
