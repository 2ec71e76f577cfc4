{% set text = dbt.type_string() %}
{% set today = "date '2025-08-05'" %}

with clock as (

    select {{ today }} as as_of_date

),

-- model, newest version, version that reigns, evaluation of the newest, verdicts as (day, version, serves), stage expected
{% set cases = [
    ('never measured', 2, 1, none, [("2025-08-04", 1, true)], 'unjudged'),
    ('no verdict at all', 1, none, '2025-08-04', [], 'unpublished'),
    ('no verdict since', 2, 1, '2025-08-05', [("2025-08-04", 1, true)], 'unpublished'),
    ('second fit of a day', 3, 2, '2025-08-05', [("2025-08-05", 1, false), ("2025-08-05", 2, true)], 'unpublished'),
    ('won, not published', 2, 1, '2025-08-04', [("2025-08-04", 1, false), ("2025-08-04", 2, true)], 'unpublished'),
    ('lost today', 2, 1, '2025-08-05', [("2025-08-05", 1, true), ("2025-08-05", 2, false)], 'judged'),
    ('lost, nothing reigns', 2, none, '2025-08-01', [("2025-08-01", 2, false)], 'judged'),
    ('lost and forgotten', 2, 1, '2025-08-01', [("2025-08-04", 1, true)], none),
    ('lost yesterday', 2, 1, '2025-08-04', [("2025-08-04", 1, true), ("2025-08-04", 2, false)], none),
    ('reigns', 2, 2, '2025-08-04', [("2025-08-04", 2, true)], none),
    ('archived', 2, 1, none, [("2025-08-04", 1, true)], none),
] %}
last_attempts as (

    {% for name, newest, reigning, evaluated, verdicts, stage in cases %}
        select
            cast('{{ name }}' as {{ text }}) as model_name,
            cast({{ newest }} as int) as last_version,
            cast({{ "'" ~ stage ~ "'" if stage else 'null' }} as {{ text }}) as expected
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

ranked_scorings as (

    {% for name, newest, reigning, evaluated, verdicts, stage in cases if reigning %}
        select
            '{{ name }}' as model_name,
            cast({{ reigning }} as int) as model_version,
            1 as recency
        {{ 'union all' if not loop.last }}
    {% endfor %}
    union all
    -- one that served before
    select
        'no verdict at all' as model_name,
        cast(9 as int) as model_version,
        2 as recency

),

evaluations as (

    {% for name, newest, reigning, evaluated, verdicts, stage in cases if evaluated %}
        select
            '{{ name }}' as model_name,
            cast({{ newest }} as int) as model_version,
            date '{{ evaluated }}' as evaluated_as_of
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

verdicts as (

    {% for name, newest, reigning, evaluated, verdicts, stage in cases if verdicts %}
        {% for day, version, serves in verdicts %}
            select
                '{{ name }}' as model_name,
                date '{{ day }}' as as_of_date,
                cast({{ version }} as int) as model_version,
                {{ serves | lower }} as serves
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

archived as (

    select
        'archived' as model_name,
        cast(2 as int) as model_version

),

found as (

    {{ open_candidates('clock') }}

)

select
    last_attempts.model_name,
    last_attempts.expected,
    found.candidate_stage
from last_attempts
left join found
    on last_attempts.model_name = found.model_name
    and last_attempts.last_version = found.candidate_version
where last_attempts.expected is distinct from found.candidate_stage
