{#
  The value that Student's t exceeds in size with probability 5 %, for 95 % intervals: as it is for 1 and 2 degrees of freedom,
  else an expansion in powers of one over them (Abramowitz and Stegun 1964, 26.7.5). Error below 0.004 for 3, 3e-4 for 5, 1e-5
  for 10.

  Argument: a column, since it is named several times.

  Example: {{ student_t_critical('degrees_of_freedom') }}
#}
{% macro student_t_critical(degrees) -%}
    case
        when {{ degrees }} = 1 then 12.7062047e0
        when {{ degrees }} = 2 then 4.3026527e0
        else
            (((1.5895340533938e0 / {{ degrees }} + 2.5558495795077e0) / {{ degrees }} + 2.8224986157396e0) / {{ degrees }}
            + 2.3722712302986e0) / {{ degrees }} + 1.9599639845401e0
    end
{%- endmacro %}
