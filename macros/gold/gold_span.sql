{#
  The days that gold is about, looked up once for a check: a dict of ISO dates, none where there is none.

  Argument
    policy  what gold_policy() returns

  Returns oldest and newest (days on which bookings were made), alone_from and alone_rows (bookings that stand alone, see
  newest_booking), requested (whether as_of is a day that was asked for), as_of (the point in time of this run)

  Example: {% set span = gold_span(gold_policy()) %}
#}
{% macro gold_span(policy) %}
    {% set span = namespace(as_of=none) %}
    {% set row = run_query(newest_booking(policy)).rows[0] %}
    {% set by = as_of_by() %}
    {% if by == 'var' %}
        {% set span.as_of = requested_as_of() %}
    {% elif by == 'today' or row['newest_booking_date'] is none %}
        {% set span.as_of = gold_today() %}
    {% else %}
        {% set span.as_of = (row['newest_booking_date'] + modules.datetime.timedelta(days=1)) | string %}
    {% endif %}
    {{ return({
        'oldest': row['oldest_booking_date'] | string if row['oldest_booking_date'] else none,
        'newest': row['newest_booking_date'] | string if row['newest_booking_date'] else none,
        'alone_from': row['alone_from'] | string if row['alone_from'] else none,
        'alone_rows': row['alone_rows'] | int if row['alone_rows'] else 0,
        'requested': by == 'var',
        'as_of': span.as_of,
    }) }}
{% endmacro %}
