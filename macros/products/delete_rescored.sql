{#
  Pre-hook of a table that is written along with a public table: where var `rescore` asks for a day again, the statement that takes
  away what was written of it, as some rows may not come again. Else nothing.

  Argument
    name  of the table

  Example: pre_hook="{{ delete_rescored('churn_reasons') }}"
#}
{% macro delete_rescored(name) %}
    {% if execute and var('rescore', '') and not flags.EMPTY and flags.WHICH in ('run', 'build') %}
        {% set table = built_table(name) %}
        {% if table %}delete from {{ table }} where scoring_date = cast('{{ var('rescore') }}' as date){% endif %}
    {% endif %}
{% endmacro %}
