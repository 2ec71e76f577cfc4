{% set text = dbt.type_string() %}

-- feature, days as (day, PSI, drifted), whether it is no reason for another fit; the last fit was judged on 2025-08-05
{% set cases = [
    ('as before the fit', [('2025-08-04', 0.3, true), ('2025-08-05', 0.3, false), ('2025-08-06', 0.2, false)], true),
    ('within for a day', [('2025-08-04', 0.3, true), ('2025-08-05', 0.1, false), ('2025-08-06', 0.3, true)], false),
    ('new since the fit', [('2025-08-04', 0.3, false), ('2025-08-05', 0.3, true), ('2025-08-06', 0.3, true)], false),
    ('gone before the fit', [('2025-08-03', 0.3, true), ('2025-08-04', 0.1, false), ('2025-08-06', 0.3, true)], false),
    ('not there before', [('2025-08-05', 0.3, true), ('2025-08-06', 0.3, true)], false),
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

drift as (

    {% for model_name in ['judged', 'never judged'] %}
        {% for feature, days, expected in cases %}
            {% for day, psi, is_drifted in days %}
                select
                    '{{ model_name }}' as model_name,
                    '{{ feature }}' as feature_name,
                    date '{{ day }}' as scoring_date,
                    cast({{ psi }} as double) as psi,
                    cast(0.2 as double) as psi_act,
                    {{ is_drifted | lower }} as is_drifted
                {{ 'union all' if not loop.last }}
            {% endfor %}
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

found as (

    {{ lasting_drift() }}

),

expected as (

    {% for feature, days, expected in cases if expected %}
        select
            'judged' as model_name,
            cast('{{ feature }}' as {{ text }}) as feature_name
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    expected.feature_name as expected,
    found.feature_name as found,
    found.model_name
from expected
full outer join found
    on expected.model_name = found.model_name
    and expected.feature_name = found.feature_name
where expected.feature_name is null or found.feature_name is null
