{#
  The day of the run by the machine's clock, in UTC, some days on: an ISO date. Gold is held against it, not against as_of,
  which follows from gold.

  Example: {{ gold_today(1) }} is tomorrow
#}
{% macro gold_today(days=0) %}
    {% set now = modules.datetime.datetime.now(modules.pytz.utc) + modules.datetime.timedelta(days=days | int) %}
    {{ return(now.strftime('%Y-%m-%d')) }}
{% endmacro %}
