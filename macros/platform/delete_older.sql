{#
  Statement that deletes the rows of a table whose date lies more than some days before its newest one; nothing in
  an empty table. The date is looked up first, since Delta Lake's DELETE takes no subquery.

  Arguments
    relation  table, usually `this` in a post-hook
    date      date column
    days      whole number of days to keep before the newest one
    newest_of  name of the table whose newest date counts; the relation itself without it, or where it was never built

  Example: post_hook="{{ delete_older(this, 'scoring_date', 60) }}"
#}
{% macro delete_older(relation, date, days, newest_of=none) %}
    {% if execute and flags.WHICH in ('run', 'build') %}
        {% set newest = run_query('select max(' ~ date ~ ') as newest from ' ~ ((built_table(newest_of) if newest_of) or relation)).columns[0].values()[0] %}
        {% if newest is not none %}
            delete from {{ relation }} where {{ date }} < cast('{{ newest }}' as date) - {{ days }}
        {% endif %}
    {% endif %}
{% endmacro %}
