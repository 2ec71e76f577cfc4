{#
  The normal deviate, 0 or more, with the same two-sided p-value as Student's t: Hill (1970), Algorithm 395, "Student's
  t-distribution", Communications of the ACM 13. With normal_p_value the p-value's absolute error is below 3e-5 for 3
  degrees of freedom, 4e-7 for 5, 1e-9 for 10 and 2e-10 from 20 on.

  Arguments: columns, since they are named many times; degrees of freedom need not be whole.

  Example: {{ student_t_as_normal('t', 'degrees_of_freedom') }}
#}
{% macro student_t_as_normal(t, degrees) -%}
    {%- set a = '(' ~ degrees ~ ' - 0.5e0)' -%}
    {%- set b = '(48 * ' ~ a ~ ' * ' ~ a ~ ')' -%}
    {%- set y = '(' ~ a ~ ' * ln(1 + ' ~ t ~ ' * ' ~ t ~ ' / ' ~ degrees ~ '))' -%}
    (
        ((((-0.4e0 * {{ y }} - 3.3e0) * {{ y }} - 24e0) * {{ y }} - 85.5e0)
        / (0.8e0 * {{ y }} * {{ y }} + 100 + {{ b }}) + {{ y }} + 3) / {{ b }} + 1
    ) * sqrt({{ y }})
{%- endmacro %}
