{#
  A gold table: the platform's, or with var `gold: samples` the model of that name, which is made of the raw sample schema.
  Whoever reads gold does so by this macro, and does not know which it is. Arguments of data tests say the same in words, as
  dbt finds there no ref or source that a macro hides.

  Argument
    table  its name

  Example: select * from {{ gold('dim_date') }}
#}
{% macro gold(table) %}
    {{ return(ref(table) if from_samples() else source('gold', table)) }}
{% endmacro %}

{# Whether gold is made here, of the raw sample schema. #}
{% macro from_samples() %}
    {{ return(var('gold', 'tables') == 'samples') }}
{% endmacro %}
