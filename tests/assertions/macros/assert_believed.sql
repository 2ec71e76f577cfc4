-- believed_number and believed_date: what cannot be is null, and bounds are allowed themselves

with cases as (

    select
        given.name,
        cast(given.number as double) as number,
        cast(given.day as date) as day,
        cast(given.expected_number as double) as expected_number,
        cast(given.expected_day as date) as expected_day
    from (
        values
        ('within', '5', '2025-06-01', '5', '2025-06-01'),
        ('bounds', '10', '1990-01-01', '10', '1990-01-01'),
        ('not a number', 'NaN', '1989-12-31', null, null),
        ('infinite', 'Infinity', '0021-05-01', null, null),
        ('below', '-1', null, null, null),
        ('above', '11', null, null, null)
    ) as given (name, number, day, expected_number, expected_day)

),

found as (

    select
        name,
        {{ believed_number('no_table', 'number', 0, 10) }} as found_number,
        {{ believed_date('day') }} as found_day,
        expected_number,
        expected_day
    from cases

)

select *
from found
where found_number is distinct from expected_number or found_day is distinct from expected_day
