-- 2025-07-06, 2025-07-27, 2025-08-03 and 2025-09-07 are Sundays, 2025-07-28 a Monday, 2025-12-31 a Wednesday
with expected as (

    select cases.*
    from (
        values
        ('weekly', 7, cast('2025-07-26' as date), cast('2025-07-27' as date)),
        ('weekly', 7, cast('2025-07-27' as date), cast('2025-08-03' as date)),
        ('weekly', 7, cast('2025-07-28' as date), cast('2025-08-03' as date)),
        ('weekly', 1, cast('2025-07-27' as date), cast('2025-07-28' as date)),
        ('weekly', 4, cast('2025-12-31' as date), cast('2026-01-01' as date)),
        ('monthly', 7, cast('2025-07-01' as date), cast('2025-07-06' as date)),
        ('monthly', 7, cast('2025-07-06' as date), cast('2025-08-03' as date)),
        ('monthly', 7, cast('2025-08-03' as date), cast('2025-09-07' as date)),
        ('monthly', 1, cast('2025-12-31' as date), cast('2026-01-05' as date))
    ) as cases (schedule, schedule_weekday, last_attempt_date, due_date)

)

select
    *,
    {{ next_due_date('last_attempt_date', 'schedule', 'schedule_weekday') }} as found
from expected
where due_date <> {{ next_due_date('last_attempt_date', 'schedule', 'schedule_weekday') }}
