-- 2024-01-01 was a Monday, 2024-01-07 a Sunday
select calendar_date
from {{ ref('calendar_features') }}
where
    (calendar_date = cast('2024-01-01' as date) and {{ iso_weekday('calendar_date') }} <> 1)
    or (calendar_date = cast('2024-01-07' as date) and {{ iso_weekday('calendar_date') }} <> 7)
