{#
  Query: the newest row of each key, without rows that have none; all columns, and `place`, which is 1.

  Arguments
    relation  source, or name of a CTE
    key       column that names the thing
    by        columns, the newest greatest; the further ones tell apart what is equally new, so that every run takes the same

  Example: {{ newest_rows(source('samples', 'bookings'), 'booking_id', ['updated_at', 'total_amount']) }}
#}
{% macro newest_rows(relation, key, by) %}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ key }}
                order by {{ by | join(' desc nulls last, ') }} desc nulls last
            ) as place
        from {{ relation }}
        where {{ key }} is not null
    ) as ranked
    where place = 1
{% endmacro %}
