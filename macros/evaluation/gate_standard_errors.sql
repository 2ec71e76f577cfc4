{#
  By how many standard errors a version has to beat its baseline: var `gate_standard_errors`, a number; below 0 a version may
  be worse by as many.

  Example: improvement - {{ gate_standard_errors() }} * standard_error > 0
#}
{% macro gate_standard_errors() %}
    {% set errors = var('gate_standard_errors') %}
    {% if errors is not number %}
        {{ exceptions.raise_compiler_error("var gate_standard_errors is " ~ errors ~ "; it takes a number, such as 1.96") }}
    {% endif %}
    {{ return(errors) }}
{% endmacro %}
