{#
  The day of the run by the machine's clock, some days on: an ISO date, in the zone that var `time_zone` names. Gold is held
  against it, not against as_of, which follows from gold. Jobs begin by the clock of their zone, where it may be Sunday hours
  before it is in UTC. Raises a compiler error where there is no such zone.

  Example: {{ gold_today(1) }} is tomorrow
#}
{% macro gold_today(days=0) %}
    {% set zone = var('time_zone', 'UTC') %}
    {% if zone not in modules.pytz.all_timezones %}
        {% do exceptions.raise_compiler_error("var time_zone is '" ~ zone ~ "'; it takes a name such as UTC or Europe/Berlin") %}
    {% endif %}
    {% set now = modules.datetime.datetime.now(modules.pytz.timezone(zone)) + modules.datetime.timedelta(days=days | int) %}
    {{ return(now.strftime('%Y-%m-%d')) }}
{% endmacro %}
