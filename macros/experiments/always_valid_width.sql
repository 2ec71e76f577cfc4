{#
  Half the width of a 95 % confidence sequence, in standard errors: the chance that such an interval ever leaves the true
  difference outside is at most 5 %, however often somebody looks and whenever they stop. Robbins' normal mixture in its
  asymptotic form: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and
  asymptotic confidence sequences", Annals of Statistics 52; Howard, Ramdas, McAuliffe and Sekhon (2021), "Time-uniform,
  nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49.

  Argument
    progress  how much has been observed, a column that does not depend on outcomes: 7.936 x observed / planned.
              7.936 is -2 ln(0.05) + ln(1 - 2 ln(0.05)), with which the sequence is tightest when the plan is met. Null
              comes out while it is 0.

  Example: {{ always_valid_width('progress') }}
#}
{% macro always_valid_width(progress) -%}
    sqrt(({{ progress }} + 1) / nullif({{ progress }}, 0) * (ln({{ progress }} + 1) - 2 * ln(0.05e0)))
{%- endmacro %}
