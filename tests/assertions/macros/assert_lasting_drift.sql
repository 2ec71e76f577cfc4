{% set text = dbt.type_string() %}

-- feature, days as (day, PSI, drifted), whether it is no reason for another fit today or on 2025-10-01; fits of 2025-08-01
-- and 2025-08-05 were judged
{% set cases = [
    ('as before the fit', [('2025-08-04', 0.3, true), ('2025-08-05', 0.3, false), ('2025-09-30', 0.2, false)], true, true),
    ('within for a day', [('2025-08-04', 0.3, true), ('2025-08-05', 0.1, false), ('2025-09-30', 0.3, true)], true, false),
    ('answered by the fit before', [
        ('2025-07-31', 0.3, true), ('2025-08-01', 0.0, false), ('2025-08-04', 0.0, false), ('2025-08-05', 0.3, true)
    ], true, false),
    ('new since the fit', [('2025-08-04', 0.3, false), ('2025-08-05', 0.3, true), ('2025-09-30', 0.3, true)], false, false),
    ('not there before', [('2025-08-05', 0.3, true), ('2025-08-06', 0.3, true)], false, false),
] %}
{% set fits = {1: '2025-08-01', 2: '2025-08-05', 3: '2025-08-06'} %}

with today as (

    select date '2025-08-07' as as_of_date

),

much_later as (

    select date '2025-10-01' as as_of_date

),

attempts as (

    {% for version, day in fits.items() %}
        select
            'judged' as model_name,
            cast({{ version }} as int) as model_version,
            date '{{ day }}' as as_of_date
        union all
    {% endfor %}
    select
        'never judged' as model_name,
        1 as model_version,
        date '2025-08-05' as as_of_date

),

-- the third fit has no verdict yet
evaluations as (

    select
        'judged' as model_name,
        1 as model_version
    union all
    select
        'judged' as model_name,
        2 as model_version

),

last_attempts as (

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
        {% for feature, days, soon, later in cases %}
            {% for day, psi, is_drifted in days %}
                select
                    '{{ model_name }}' as model_name,
                    '{{ feature }}' as feature_name,
                    date '{{ day }}' as scoring_date,
                    cast({{ psi }} as double) as psi,
                    cast(0.2 as double) as psi_act,
                    {{ is_drifted | lower }} as is_drifted
                union all
            {% endfor %}
        {% endfor %}
    {% endfor %}
    -- the day on the eve of each fit
    select
        'judged' as model_name,
        'another' as feature_name,
        date '2025-07-31' as scoring_date,
        cast(0 as double) as psi,
        cast(0.2 as double) as psi_act,
        false as is_drifted
    union all
    select
        'judged' as model_name,
        'another' as feature_name,
        date '2025-08-04' as scoring_date,
        cast(0 as double) as psi,
        cast(0.2 as double) as psi_act,
        false as is_drifted

),

found as (

    select
        'soon' as moment,
        soon.*
    from ({{ lasting_drift('today') }}) as soon
    union all
    select
        'later' as moment,
        later.*
    from ({{ lasting_drift('much_later') }}) as later

),

expected as (

    {% for feature, days, soon, later in cases %}
        select
            'soon' as moment,
            'judged' as model_name,
            cast('{{ feature }}' as {{ text }}) as feature_name,
            {{ soon | lower }} as is_lasting
        union all
        select
            'later' as moment,
            'judged' as model_name,
            cast('{{ feature }}' as {{ text }}) as feature_name,
            {{ later | lower }} as is_lasting
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    expected.moment,
    expected.feature_name as expected,
    expected.is_lasting,
    found.feature_name as found,
    found.model_name
from expected
full outer join found
    on expected.moment = found.moment
    and expected.model_name = found.model_name
    and expected.feature_name = found.feature_name
where expected.is_lasting is null or expected.is_lasting <> (found.feature_name is not null)
