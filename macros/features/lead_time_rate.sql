{#
  Chance that a booking is cancelled, by its lead time alone: the past year's rate of its lead band, drawn to that of all
  bookings by the weight of ten. One in five is a guess for the first days of gold, worth ten bookings.

  Arguments
    none; cancelled_of_lead, decided_of_lead, cancelled_of_all and decided_of_all are columns, null where nothing is known

  Example: {{ lead_time_rate() }} as baseline_probability
#}
{% macro lead_time_rate() -%}
    (coalesce(cancelled_of_lead, 0) + 10 * (coalesce(cancelled_of_all, 0) + 2) / (coalesce(decided_of_all, 0) + 10))
    / (coalesce(decided_of_lead, 0) + 10)
{%- endmacro %}
