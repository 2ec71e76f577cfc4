{#
  Query: one row with newest_booking_date, the newest day on which a booking was made, and with what was left out to find it.
  Days that cannot be (before 1990, after tomorrow) do not count, nor do a few bookings that stand alone at the end: one slip
  of a month or a year would move the point in time, and leave every product without its newest days. Few are, after as many
  days as seed gold_policy says by the rule `not_alone`, as many as it says; after a week, fewer than are usual in one day.

  Argument
    policy  what gold_policy() returns

  Columns: newest_booking_date, alone_from, alone_rows (null where none stand alone), oldest_booking_date, all_rows

  Example: with newest as ( {{ newest_booking(gold_policy()) }} )
#}
{% macro newest_booking(policy) %}
    {% set rule = policy | selectattr('rule', 'equalto', 'not_alone') | selectattr('table_name', 'equalto', 'fact_booking_detail')
        | rejectattr('severity', 'equalto', 'off') | first | default({'low': '60', 'high': '0.2', 'max_share': 0.001}) %}
    select
        min(first_day) as oldest_booking_date,
        max(case when alone_from is null or day < alone_from then day end) as newest_booking_date,
        min(alone_from) as alone_from,
        sum(case when day >= alone_from then bookings end) as alone_rows,
        min(all_rows) as all_rows
    from (
        select
            day,
            bookings,
            all_rows,
            first_day,
            min(case
                when
                    (day_before + {{ rule.low }} < day and bookings_since <= {{ rule.high }} * all_rows)
                    or (
                        day_before + 7 < day
                        and bookings_since * ({{ dbt.datediff('first_day', 'day_before', 'day') }} + 1) < all_rows - bookings_since
                    )
                    then day
            end) over () as alone_from
        from (
            select
                day,
                bookings,
                min(day) over () as first_day,
                lag(day) over (order by day) as day_before,
                sum(bookings) over (order by day desc rows between unbounded preceding and current row) as bookings_since,
                sum(bookings) over () as all_rows
            from (
                select
                    cast(created_at as date) as day,
                    count(*) as bookings
                from {{ gold('fact_booking_detail') }}
                where created_at >= cast('1990-01-01' as date) and created_at < cast('{{ gold_today(2) }}' as date)
                group by cast(created_at as date)
            ) as days
        ) as followed
    ) as told_apart
{% endmacro %}
