{#
  The value that Student's t exceeds in size with probability 5 %, for 95 % intervals: expansion in powers of one over the
  degrees of freedom (Abramowitz and Stegun 1964, 26.7.5). Error below 0.004 for 3 degrees of freedom, 3e-4 for 5, 1e-5
  for 10.

  Argument: a column, since it is named several times.

  Example: {{ student_t_critical('degrees_of_freedom') }}
#}
{% macro student_t_critical(degrees) -%}
    (
        (((1.5895340533938e0 / {{ degrees }} + 2.5558495795077e0) / {{ degrees }} + 2.8224986157396e0) / {{ degrees }}
        + 2.3722712302986e0) / {{ degrees }} + 1.9599639845401e0
    )
{%- endmacro %}
