{#
  What an experiment can measure, by name: the value of a unit (an aggregate over its bookings of the window, columns
  booking_id, amount and is_cancelled; 0 without any), whether it is 0 or 1, and whether more is better.

  Example: {% for name, metric in experiment_metrics().items() %}{{ metric.value }}{% endfor %}
#}
{% macro experiment_metrics() %}
    {% set cancelled = 'count(case when bookings.is_cancelled then bookings.booking_id end)' %}
    {{ return({
        'booked': {'value': 'case when count(bookings.booking_id) > 0 then 1 else 0 end', 'is_binary': true, 'more_is_better': true},
        'bookings': {'value': 'count(bookings.booking_id)', 'is_binary': false, 'more_is_better': true},
        'revenue': {
            'value': 'coalesce(sum(case when not bookings.is_cancelled then bookings.amount end), 0)',
            'is_binary': false,
            'more_is_better': true,
        },
        'cancelled': {'value': 'case when ' ~ cancelled ~ ' > 0 then 1 else 0 end', 'is_binary': true, 'more_is_better': false},
    }) }}
{% endmacro %}
