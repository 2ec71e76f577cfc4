{# Parts of a week's rows, as the back-test's segments cut them: the first and last day (lead, horizon, months) of the part,
   and the days from scoring until the truth of all of its rows is known. A week counts from the day after it at the
   earliest, since a day that failed may be scored again. #}
{% set horizon = demand_horizon() %}
{% set parts = [
    ('conversion_predictor', 'all', 0, 0, 1),
    ('customer_ltv_predictor', 'all', 0, 0, 365),
    ('churn_predictor', 'all', 0, 0, 180),
    ('property_recommender', 'all', 0, 0, 30),
] %}
{% for name, first, last in [('01-07', 1, 7), ('08-14', 8, 14), ('15-30', 15, 30), ('31-90', 31, 90)] if first <= horizon %}
    {% do parts.append(('demand_predictor', 'horizon_days=' ~ name, first, last, [last, horizon] | min + 1)) %}
{% endfor %}
{% for name, first, last in [('01-07', 1, 7), ('08-30', 8, 30), ('31-60', 31, 60), ('61-90', 61, 90)] %}
    {% do parts.append(('revenue_forecaster', 'horizon_days=' ~ name, first, last, last + 1)) %}
{% endfor %}
{% for name, first, last, days in [
    ('1-7 days', 1, 7, 7), ('8-30 days', 8, 30, 30), ('31-90 days', 31, 90, 90), ('91-180 days', 91, 180, 180),
    ('181 days or more', 181, 36500, 365)
] %}
    {% do parts.append(('cancellation_predictor', 'lead_band=' ~ name, first, last, days)) %}
{% endfor %}
{% for months in range(pricing_months()) %}
    {% do parts.append(('pricing_optimizer', 'lead_months=' ~ months, months, months, 31 * (months + 2))) %}
{% endfor %}

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
            scoring_date - cast({{ iso_weekday('scoring_date') }} - 1 as int) as week_start
        from ({{ built(row.predictions, ['scoring_date']) }}) as predictions
        where scoring_date <= (select as_of_date from clock)
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

parts as (

    {% for model, part, first, last, days in parts %}
        select
            '{{ model }}' as model_name,
            '{{ part }}' as part,
            {{ first }} as first_unit,
            {{ last }} as last_unit,
            {{ days }} as truth_days
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
