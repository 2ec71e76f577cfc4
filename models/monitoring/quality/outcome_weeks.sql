with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

state as (

    select * from {{ ref('model_state') }}

),

served_weeks as (

    {% for row in products() %}
        select distinct
            '{{ row.model_name }}' as model_name,
            {{ monday_of('scoring_date') }} as week_start
        from ({{ ref_if_built(row.predictions, ['scoring_date']) }}) as predictions
        where scoring_date <= (select as_of_date from clock)
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- as the back-test's segments cut a week's rows: first and last day (lead, horizon) or month of the part, and the days from
-- scoring until the truth of all of its rows is known. A week counts from the day after it at the earliest, since a day that
-- failed may be scored again
parts as (

    {% for row in products() %}
        {% for part in outcome_parts(row) %}
            select
                '{{ row.model_name }}' as model_name,
                '{{ part.part }}' as part,
                {{ part.first_unit }} as first_unit,
                {{ part.last_unit }} as last_unit,
                {{ part.truth_days }} as truth_days
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

dated as (

    select
        served_weeks.model_name,
        served_weeks.week_start,
        parts.part,
        parts.first_unit,
        parts.last_unit,
        parts.truth_days,
        served_weeks.week_start + cast(6 + parts.truth_days as int) as known_date,
        max(served_weeks.week_start + cast(6 + parts.truth_days as int)) over (
            partition by served_weeks.model_name, served_weeks.week_start
        ) as complete_date
    from served_weeks
    inner join parts on served_weeks.model_name = parts.model_name

),

-- all known parts of a week of which one has become known since the model was measured last
news as (

    select
        dated.*,
        clock.as_of_date,
        state.measured_as_of,
        max(dated.known_date) over (partition by dated.model_name, dated.week_start) as last_known_date
    from dated
    inner join clock on dated.known_date <= clock.as_of_date
    left join state on dated.model_name = state.model_name

),

final as (

    select
        model_name,
        week_start,
        part,
        first_unit,
        last_unit,
        truth_days,
        complete_date <= as_of_date as is_complete,
        as_of_date
    from news
    where measured_as_of is null or last_known_date > measured_as_of

)

select * from final
