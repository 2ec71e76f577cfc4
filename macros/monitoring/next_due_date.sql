{#
  The first day after a date on which a schedule asks for a fit: `weekly` every such weekday, `monthly` the first such
  weekday of a month. Counted from the last attempt, a day that was missed is due until it is caught up, and none is due
  twice.

  Arguments
    after     date expression, such as the day of the last attempt
    schedule  expression: weekly or monthly
    weekday   expression: Monday 1 to Sunday 7

  Example: {{ next_due_date('last_attempts.last_attempt_date', 'inventory.schedule', 'inventory.schedule_weekday') }}
#}
{% macro next_due_date(after, schedule, weekday) %}
    {% set this_month = "cast(" ~ dbt.date_trunc('month', after) ~ " as date)" %}
    {% set next_month = months_from(this_month, 1) %}
    case {{ schedule }}
        when 'weekly' then {{ first_weekday(after ~ ' + 1', weekday) }}
        when 'monthly'
            then
                case
                    when {{ first_weekday(this_month, weekday) }} > {{ after }} then {{ first_weekday(this_month, weekday) }}
                    else {{ first_weekday(next_month, weekday) }}
                end
    end
{% endmacro %}
