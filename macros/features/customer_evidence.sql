{#
  What a user's bookings so far say of those to come, by the arithmetic of a gamma-Poisson user, as a query of the relation
  with further columns:

    tenure_days, days_since_last_booking, days_since_first_booking
                             from the date; null before the first booking
    observed_days            in which a booking of the user could have been seen: gold may begin after the sign-up
    shrunk_yearly_bookings   posterior booking rate, a prior of one booking in `prior_days` days
    shrunk_booking_value     mean amount of a booking, a prior of two bookings of the platform's mean
    silence                  logarithm of the odds that such a user would have booked since the newest booking, one with this
                             history were they still there

  Arguments
    relation    CTE with signed_up_date, first_booking_date, last_booking_date, bookings_ever, spend_ever, history_days (days
                from gold's first booking to the date), booking_value (mean amount on the platform)
    date        date column at which all that is known
    prior_days  weight of the prior

  Example: with evident as ({{ customer_evidence('featured', 'as_of_date') }})
#}
{% macro customer_evidence(relation, date, prior_days=90) %}
    select
        *,
        365 * (bookings_ever + 1) / (observed_days + {{ prior_days }}) as shrunk_yearly_bookings,
        (spend_ever + 2 * booking_value) / (bookings_ever + 2) as shrunk_booking_value,
        (bookings_ever + 1) * ln(
            (observed_days + {{ prior_days }})
            / (greatest(observed_days - coalesce(days_since_last_booking, observed_days), 0) + {{ prior_days }})
        ) as silence
    from (
        select
            *,
            cast(greatest(least(tenure_days, history_days), 1) as double) as observed_days
        from (
            select
                *,
                {% for name, since in {
                    'tenure_days': 'signed_up_date', 'days_since_last_booking': 'last_booking_date',
                    'days_since_first_booking': 'first_booking_date'
                }.items() %}
                    cast({{ dbt.datediff(since, date, 'day') }} as double) as {{ name }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ relation }}
        ) as aged
    ) as observed
{% endmacro %}

{# Steps of silence within which users come back alike: an SQL expression, 0 to 9. #}
{% macro silence_step(silence) -%}
    {%- for edge in [0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 9] -%}
        case when {{ silence }} >= {{ edge }} then 1 else 0 end{{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
