{#
  Kolmogorov-Smirnov statistic, an aggregate over the bins of a numeric column: the largest difference between the shares of
  reference and of current rows at or below the upper edge of a bin. Below the statistic of all single values by
  less than the largest share of reference rows in a bin of several values (5 % with bin_edges).

  Arguments: expressions, the share of reference rows and of current rows up to and including the bin

  Example: select {{ ks_statistic('reference_share_so_far', 'current_share_so_far') }} as ks
#}
{% macro ks_statistic(reference_share_so_far, current_share_so_far) -%}
    max(abs({{ reference_share_so_far }} - {{ current_share_so_far }}))
{%- endmacro %}
