{% set text = dbt.type_string() %}

-- metric, weeks as (week, day on which it was measured, weeks in a row, degraded), whether it is no reason for another fit;
-- the last fit was judged on 2025-08-05
{% set cases = [
    ('as before the fit', [('2025-07-21', '2025-08-05', 2, true), ('2025-07-28', '2025-08-06', 3, true)], true),
    ('not measured since', [('2025-07-21', '2025-08-01', 2, true)], true),
    ('within for a week', [
        ('2025-07-21', '2025-08-01', 2, true), ('2025-07-28', '2025-08-06', 0, false), ('2025-08-04', '2025-08-12', 1, true)
    ], false),
    ('new since the fit', [('2025-07-21', '2025-08-01', 1, false), ('2025-07-28', '2025-08-06', 2, true)], false),
    ('not there before', [('2025-07-28', '2025-08-06', 2, true)], false),
] %}

with last_attempts as (

    select
        'judged' as model_name,
        date '2025-08-05' as last_attempt_date
    union all
    select
        'never judged' as model_name,
        cast(null as date) as last_attempt_date

),

measured as (

    {% for model_name in ['judged', 'never judged'] %}
        {% for metric, weeks, expected in cases %}
            {% for week, measured_on, in_row, is_degraded in weeks %}
                select
                    '{{ model_name }}' as model_name,
                    '{{ metric }}' as metric_name,
                    date '{{ week }}' as week_start,
                    date '{{ measured_on }}' as as_of_date,
                    {{ in_row }} as weeks_in_row,
                    {{ is_degraded | lower }} as is_degraded
                {{ 'union all' if not loop.last }}
            {% endfor %}
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

found as (

    {{ lasting_degradation() }}

),

expected as (

    {% for metric, weeks, expected in cases if expected %}
        select
            'judged' as model_name,
            cast('{{ metric }}' as {{ text }}) as metric_name
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    expected.metric_name as expected,
    found.metric_name as found,
    found.model_name
from expected
full outer join found
    on expected.model_name = found.model_name
    and expected.metric_name = found.metric_name
where expected.metric_name is null or found.metric_name is null
