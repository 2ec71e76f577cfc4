{{ config(
    materialized='incremental',
    unique_key=['model_name', 'week_start', 'metric_name'],
    full_refresh=false
) }}

{% set products = {
    'demand_predictor': {
        'product': 'demand',
        'predictions': 'demand_predictions',
        'columns': ['property_id', 'check_in_date', 'destination_id', 'predicted_bookings', 'baseline_bookings'],
    },
    'revenue_forecaster': {
        'product': 'revenue',
        'predictions': 'revenue_forecasts',
        'columns': [
            'forecast_level', 'destination_id', 'forecast_date', 'horizon_days', 'forecast_revenue', 'lower_80', 'upper_80',
            'baseline_revenue',
        ],
    },
    'conversion_predictor': {
        'product': 'conversion',
        'predictions': 'conversion_predictions',
        'columns': ['property_id', 'engagement_date', 'conversion_probability', 'baseline_probability'],
    },
    'pricing_optimizer': {
        'product': 'pricing',
        'predictions': 'pricing_recommendations',
        'columns': ['property_id', 'stay_month', 'destination_id', 'expected_bookings_current', 'baseline_bookings'],
    },
    'customer_ltv_predictor': {
        'product': 'customer_ltv',
        'predictions': 'customer_ltv_predictions',
        'columns': ['user_id', 'activity', 'predicted_ltv_12m', 'baseline_revenue'],
    },
    'churn_predictor': {
        'product': 'churn',
        'predictions': 'churn_predictions',
        'columns': ['user_id', 'churn_probability', 'will_churn', 'baseline_probability'],
    },
    'cancellation_predictor': {
        'product': 'cancellation',
        'predictions': 'cancellation_predictions',
        'columns': [
            'booking_id', 'check_in_date', 'cancellation_probability', 'predicted_cancellation', 'baseline_probability'
        ],
    },
    'property_recommender': {
        'product': 'recommendations',
        'predictions': 'property_recommendations',
        'columns': ['user_id', 'rank', 'property_id', 'baseline_property_id'],
    },
} %}
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
{# metrics whose value of all rows is the mean of those of the parts, so that the back-test can be weighted like the week #}
{% set means = [
    'poisson_deviance', 'mae', 'bias', 'log_loss', 'brier', 'wape', 'mape', 'coverage_80', 'outside_80', 'ndcg_at_10',
    'recall_at_10',
] %}
{% set mean_names = "('" ~ means | join("', '") ~ "', 'rmse')" %}
{% set text = dbt.type_string() %}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

policy as (

    select * from {{ ref('quality_policy') }}

),

targets as (

    select * from {{ ref('performance_targets') }}

),

{% for model, product in products.items() %}
    {{ product.product }}_served as (

        select
            scoring_date,
            scoring_date - cast({{ iso_weekday('scoring_date') }} - 1 as int) as week_start,
            model_version,
            {{ product.columns | join(', ') }}
        from ({{ built(product.predictions, ['scoring_date', 'model_version'] + product.columns) }}) as predictions
        where scoring_date <= (select as_of_date from clock)

    ),

{% endfor %}

-- which weeks there is news of

served_days as (

    {% for model, product in products.items() %}
        select distinct
            '{{ model }}' as model_name,
            scoring_date,
            week_start
        from {{ product.product }}_served
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

served_weeks as (

    select distinct
        model_name,
        week_start
    from served_days

),

schedule as (

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

measured_before as (

    {% if is_incremental() %}
        select
            measured.model_name,
            measured.week_start,
            max(measured.as_of_date) as as_of_date
        from {{ this }} as measured
        inner join clock on measured.as_of_date <= clock.as_of_date
        group by measured.model_name, measured.week_start
    {% else %}
        select
            '' as model_name,
            as_of_date as week_start,
            as_of_date
        from clock
        where 1 = 0
    {% endif %}

),

known_parts as (

    select
        served_weeks.model_name,
        served_weeks.week_start,
        schedule.part,
        schedule.first_unit,
        schedule.last_unit,
        served_weeks.week_start + cast(6 + schedule.truth_days as int) as known_date,
        clock.as_of_date,
        count(*) over (partition by served_weeks.model_name, served_weeks.week_start) as part_count
    from served_weeks
    inner join schedule on served_weeks.model_name = schedule.model_name
    inner join clock on served_weeks.week_start + cast(6 + schedule.truth_days as int) <= clock.as_of_date

),

due as (

    select
        known_parts.model_name,
        known_parts.week_start,
        max(known_parts.as_of_date) as as_of_date,
        max(known_parts.part_count) = max(counted.part_count) as is_complete
    from known_parts
    inner join (
        select
            model_name,
            count(*) as part_count
        from schedule
        group by model_name
    ) as counted on known_parts.model_name = counted.model_name
    left join measured_before
        on known_parts.model_name = measured_before.model_name
        and known_parts.week_start = measured_before.week_start
    group by known_parts.model_name, known_parts.week_start
    having max(measured_before.as_of_date) is null or max(known_parts.known_date) > max(measured_before.as_of_date)

),

due_parts as (

    select known_parts.*
    from known_parts
    inner join due
        on known_parts.model_name = due.model_name
        and known_parts.week_start = due.week_start

),

-- what became of the rows, as known now

bookings as (

    select
        cast(booking_id as bigint) as booking_id,
        cast(user_id as bigint) as user_id,
        cast(property_id as bigint) as property_id,
        cast(destination_id as bigint) as destination_id,
        created_at,
        cast(created_at as date) as created_date,
        check_in_date,
        case
            when is_cancelled and cast(updated_at as date) < (select as_of_date from clock) then cast(updated_at as date)
        end as cancelled_date,
        -- decimals add up to the same in any order
        cast(total_amount as decimal(18, 2)) as amount
    from {{ source('gold', 'fact_booking_detail') }}
    where
        cast(created_at as date) < (select as_of_date from clock)
        and greatest(cast(created_at as date), check_in_date) >= (select min(week_start) - 1 from due)

),

arrivals as (

    select
        property_id,
        check_in_date,
        count(*) as bookings
    from bookings
    group by property_id, check_in_date

),

demand_rows as (

    select
        served.week_start as evaluated_as_of,
        'demand_predictor' as split,
        0 as model_version,
        served.model_version as served_version,
        due_parts.part,
        served.check_in_date,
        served.destination_id,
        served.predicted_bookings,
        served.baseline_bookings,
        cast(coalesce(arrivals.bookings, 0) as double) as bookings
    from demand_served as served
    inner join due_parts
        on due_parts.model_name = 'demand_predictor'
        and served.week_start = due_parts.week_start
        and {{ dbt.datediff('served.scoring_date', 'served.check_in_date', 'day') }}
        between due_parts.first_unit and due_parts.last_unit
    left join arrivals
        on served.property_id = arrivals.property_id
        and served.check_in_date = arrivals.check_in_date

),

earned as (

    select
        destination_id,
        check_in_date,
        sum(amount) as revenue
    from bookings
    where cancelled_date is null
    group by destination_id, check_in_date

),

-- the total is that of the destinations that were forecast with it
revenue_of_day as (

    select
        served.scoring_date,
        served.forecast_date,
        cast(sum(coalesce(earned.revenue, 0)) as double) as revenue
    from revenue_served as served
    inner join due
        on due.model_name = 'revenue_forecaster'
        and served.week_start = due.week_start
    left join earned
        on served.destination_id = earned.destination_id
        and served.forecast_date = earned.check_in_date
    where served.forecast_level = 'destination'
    group by served.scoring_date, served.forecast_date

),

revenue_rows as (

    select
        served.week_start as evaluated_as_of,
        'revenue_forecaster' as split,
        0 as model_version,
        served.model_version as served_version,
        due_parts.part,
        served.forecast_level,
        served.destination_id,
        served.scoring_date as as_of_date,
        served.forecast_date,
        served.horizon_days,
        1 as window_days,
        served.forecast_revenue,
        served.lower_80,
        served.upper_80,
        served.baseline_revenue,
        revenue_of_day.revenue
    from revenue_served as served
    inner join due_parts
        on due_parts.model_name = 'revenue_forecaster'
        and served.week_start = due_parts.week_start
        and served.horizon_days between due_parts.first_unit and due_parts.last_unit
    inner join revenue_of_day
        on served.scoring_date = revenue_of_day.scoring_date
        and served.forecast_date = revenue_of_day.forecast_date
    where served.forecast_level = 'total'

),

booked as (

    select
        property_id,
        created_date,
        count(*) as bookings
    from bookings
    group by property_id, created_date

),

conversion_rows as (

    select
        served.week_start as evaluated_as_of,
        'conversion_predictor' as split,
        0 as model_version,
        served.model_version as served_version,
        due_parts.part,
        served.engagement_date,
        served.conversion_probability,
        served.baseline_probability,
        case when booked.bookings > 0 then 1e0 else 0e0 end as converted
    from conversion_served as served
    inner join due_parts
        on due_parts.model_name = 'conversion_predictor'
        and served.week_start = due_parts.week_start
    left join booked
        on served.property_id = booked.property_id
        and served.engagement_date = booked.created_date

),

-- what is said of the current price: nobody knows what the other one would have brought
pricing_served_parts as (

    select
        served.*,
        due_parts.part
    from pricing_served as served
    inner join due_parts
        on due_parts.model_name = 'pricing_optimizer'
        and served.week_start = due_parts.week_start
        and 12 * (extract(year from served.stay_month) - extract(year from served.scoring_date - 1))
        + extract(month from served.stay_month) - extract(month from served.scoring_date - 1) - 1
        between due_parts.first_unit and due_parts.last_unit

),

pricing_labels as (

    select
        served.property_id,
        served.stay_month,
        served.scoring_date,
        count(*) as bookings
    from pricing_served_parts as served
    inner join bookings
        on served.property_id = bookings.property_id
        and served.stay_month = cast({{ dbt.date_trunc('month', 'bookings.check_in_date') }} as date)
        and served.scoring_date <= bookings.created_date
    group by served.property_id, served.stay_month, served.scoring_date

),

pricing_rows as (

    select
        served.week_start as evaluated_as_of,
        'pricing_optimizer' as split,
        0 as model_version,
        served.model_version as served_version,
        served.part,
        served.stay_month,
        served.destination_id,
        served.expected_bookings_current as expected_bookings,
        served.baseline_bookings,
        cast(coalesce(labels.bookings, 0) as double) as bookings
    from pricing_served_parts as served
    left join pricing_labels as labels
        on served.property_id = labels.property_id
        and served.stay_month = labels.stay_month
        and served.scoring_date = labels.scoring_date

),

customer_ltv_labels as (

    select
        days.scoring_date,
        bookings.user_id,
        cast(sum(bookings.amount) as double) as revenue
    from served_days as days
    inner join due_parts
        on days.model_name = due_parts.model_name
        and days.week_start = due_parts.week_start
    inner join bookings
        on days.scoring_date <= bookings.created_date
        and days.scoring_date + 365 > bookings.created_date
        and (bookings.cancelled_date is null or bookings.cancelled_date >= days.scoring_date + 365)
    where days.model_name = 'customer_ltv_predictor'
    group by days.scoring_date, bookings.user_id

),

customer_ltv_rows as (

    select
        served.week_start as evaluated_as_of,
        'customer_ltv_predictor' as split,
        0 as model_version,
        served.model_version as served_version,
        due_parts.part,
        served.user_id,
        served.scoring_date,
        served.activity,
        served.predicted_ltv_12m,
        served.baseline_revenue,
        cast(null as double) as no_booking_probability,
        coalesce(labels.revenue, 0e0) as revenue
    from customer_ltv_served as served
    inner join due_parts
        on due_parts.model_name = 'customer_ltv_predictor'
        and served.week_start = due_parts.week_start
    left join customer_ltv_labels as labels
        on served.user_id = labels.user_id
        and served.scoring_date = labels.scoring_date

),

-- baselines are cut at the threshold that was best for them on the validation rows of the version
thresholds as (

    {% for model in ['churn_predictor', 'cancellation_predictor'] %}
        select
            '{{ model }}' as model_name,
            model_version,
            min_by(baseline_value, as_of_date) as baseline_threshold
        from (
            {{ built(products[model].product ~ '_metrics', [
                'model_version', 'as_of_date', 'split', 'segment', 'metric_name', 'baseline_value'
            ]) }}
        ) as metrics
        where split = 'validation' and segment = 'all' and metric_name = 'best_threshold'
        group by model_version
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

stayed as (

    select distinct
        days.scoring_date,
        bookings.user_id
    from served_days as days
    inner join due_parts
        on days.model_name = due_parts.model_name
        and days.week_start = due_parts.week_start
    inner join bookings
        on days.scoring_date <= bookings.created_date
        and days.scoring_date + 180 > bookings.created_date
    where days.model_name = 'churn_predictor'

),

churn_rows as (

    select
        served.week_start as evaluated_as_of,
        'churn_predictor' as split,
        0 as model_version,
        served.model_version as served_version,
        due_parts.part,
        served.scoring_date as as_of_date,
        served.churn_probability,
        served.baseline_probability,
        served.will_churn as is_called,
        served.baseline_probability >= thresholds.baseline_threshold as is_called_by_baseline,
        case when stayed.user_id is null then 1e0 else 0e0 end as churned
    from churn_served as served
    inner join due_parts
        on due_parts.model_name = 'churn_predictor'
        and served.week_start = due_parts.week_start
    left join thresholds
        on thresholds.model_name = 'churn_predictor'
        and served.model_version = thresholds.model_version
    left join stayed
        on served.user_id = stayed.user_id
        and served.scoring_date = stayed.scoring_date

),

scoring_gaps as (

    select
        scoring_date,
        greatest(
            coalesce(lag(scoring_date) over (order by scoring_date), scoring_date - 1), scoring_date - 7
        ) as scored_before
    from served_days
    where model_name = 'cancellation_predictor'

),

-- a booking counts once, when it is scored for the first time and within a week, as the back-test has it: one that is
-- scored again has survived, and is less likely to be cancelled than the probability says
cancellation_rows as (

    select
        served.week_start as evaluated_as_of,
        'cancellation_predictor' as split,
        0 as model_version,
        served.model_version as served_version,
        due_parts.part,
        served.check_in_date,
        served.cancellation_probability,
        served.baseline_probability,
        served.predicted_cancellation as is_called,
        served.baseline_probability >= thresholds.baseline_threshold as is_called_by_baseline,
        case when bookings.cancelled_date <= bookings.check_in_date then 1e0 else 0e0 end as cancelled
    from cancellation_served as served
    inner join scoring_gaps on served.scoring_date = scoring_gaps.scoring_date
    inner join bookings
        on served.booking_id = bookings.booking_id
        and scoring_gaps.scored_before <= bookings.created_date
        and bookings.check_in_date < (select as_of_date from clock)
    inner join due_parts
        on due_parts.model_name = 'cancellation_predictor'
        and served.week_start = due_parts.week_start
        and {{ dbt.datediff('bookings.created_date', 'bookings.check_in_date', 'day') }}
        between due_parts.first_unit and due_parts.last_unit
    left join thresholds
        on thresholds.model_name = 'cancellation_predictor'
        and served.model_version = thresholds.model_version

),

next_bookings as (

    select
        days.scoring_date,
        bookings.user_id,
        bookings.property_id,
        due_parts.part,
        row_number() over (
            partition by days.scoring_date, bookings.user_id
            order by bookings.created_at, bookings.booking_id
        ) as place
    from served_days as days
    inner join due_parts
        on days.model_name = due_parts.model_name
        and days.week_start = due_parts.week_start
    inner join bookings
        on days.scoring_date <= bookings.created_date
        and days.scoring_date + 30 > bookings.created_date
    where days.model_name = 'property_recommender'

),

recommended as (

    select
        served.week_start,
        served.scoring_date,
        served.model_version,
        served.user_id,
        served.rank,
        served.property_id,
        served.baseline_property_id,
        next_bookings.property_id as next_property_id,
        next_bookings.part
    from recommendations_served as served
    inner join next_bookings
        on served.user_id = next_bookings.user_id
        and served.scoring_date = next_bookings.scoring_date
        and next_bookings.place = 1

),

-- who books next is a query; of the model's and the baseline's ten, each has those that only the other one has last
recommendations_rows as (

    select
        week_start as evaluated_as_of,
        'property_recommender' as split,
        0 as model_version,
        model_version as served_version,
        part,
        scoring_date as as_of_date,
        user_id,
        property_id,
        max(score) as score,
        max(baseline_score) as baseline_score,
        max(case when property_id = next_property_id then 1e0 else 0e0 end) as is_next
    from (
        {% for property, score, baseline in [
            ('property_id', '11 - rank', '0'), ('baseline_property_id', '0', '11 - rank')
        ] %}
            select
                week_start,
                model_version,
                part,
                scoring_date,
                user_id,
                {{ property }} as property_id,
                cast({{ score }} as double) as score,
                cast({{ baseline }} as double) as baseline_score,
                next_property_id
            from recommended
            where {{ property }} is not null
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as both_rankings
    group by week_start, model_version, part, scoring_date, user_id, property_id

),

-- by the formulas of the back-test, whose split is the model here, so that models of a kind share them

count_rows as (

    {% for product, prediction, date in [
        ('demand', 'predicted_bookings', 'check_in_date'), ('pricing', 'expected_bookings', 'stay_month')
    ] %}
        select
            evaluated_as_of,
            split,
            model_version,
            {{ date }} as label_date,
            destination_id,
            {{ prediction }} as prediction,
            baseline_bookings as baseline,
            bookings as label
        from {{ product }}_rows
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

probability_rows as (

    {% for product, label in {'conversion': 'converted', 'churn': 'churned', 'cancellation': 'cancelled'}.items() %}
        select
            evaluated_as_of,
            split,
            model_version,
            evaluated_as_of as label_date,
            {{ product }}_probability as prediction,
            baseline_probability as baseline,
            {{ label }} as label
        from {{ product }}_rows
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

{% set weeks = '(select distinct week_start as as_of_date, true as fit_due from due)' %}
count_live as (

    {{ count_metrics(
        backtest='count_rows',
        decision=weeks,
        label='label',
        prediction='prediction',
        baseline='baseline',
        date='label_date',
        aggregate='destination_id',
        segments={}
    ) }}

),

probability_live as (

    {# no threshold is looked up: the metrics at one are counted below #}
    {{ probability_metrics(
        model_name='',
        backtest='probability_rows',
        decision=weeks,
        targets='targets',
        label='label',
        prediction='prediction',
        baseline='baseline',
        date='label_date',
        segments={}
    ) }}

),

forecast_live as (

    {{ forecast_metrics(
        backtest='revenue_rows',
        decision=weeks,
        label='revenue',
        prediction='forecast_revenue',
        baseline='baseline_revenue',
        segments={}
    ) }}

),

value_live as (

    {{ value_metrics(
        backtest='customer_ltv_rows',
        decision=weeks,
        label='revenue',
        prediction='predicted_ltv_12m',
        baseline='baseline_revenue',
        keys=['user_id', 'scoring_date'],
        none_probability='no_booking_probability',
        active="activity in ('1 booking', '2-4 bookings', '5+ bookings')",
        segments={'activity': 'activity'}
    ) }}

),

ranking_live as (

    {{ ranking_metrics(
        backtest='recommendations_rows',
        decision=weeks,
        catalogue='(select as_of_date, true as is_on_offer from clock where 1 = 0)',
        label='is_next',
        prediction='score',
        baseline='baseline_score',
        date='as_of_date',
        query='user_id',
        item='property_id',
        on_offer='is_on_offer',
        segments={'as_of_date': 'as_of_date'}
    ) }}

),

-- what was called positive at the threshold in force is in the table: no threshold to look for
called as (

    {% for model, label in {'churn_predictor': 'churned', 'cancellation_predictor': 'cancelled'}.items() %}
        {% set outer = loop %}
        {% for side, condition in {'model': 'is_called', 'baseline': 'is_called_by_baseline'}.items() %}
            select
                '{{ model }}' as model_name,
                evaluated_as_of as week_start,
                '{{ side }}' as side,
                count(*) as row_count,
                count(*) filter (where {{ label }} = 1) as positives,
                count(*) filter (where {{ condition }}) as called,
                count(*) filter (where {{ condition }} and {{ label }} = 1) as hits
            from {{ products[model].product }}_rows
            group by evaluated_as_of
            {{ 'union all' if not (outer.last and loop.last) }}
        {% endfor %}
    {% endfor %}

),

scored_calls as (

    select
        model_name,
        week_start,
        side,
        row_count,
        {{ f_score('hits', 'called', 'positives') }} as f1,
        {{ f_score('hits', 'called', 'positives') }}
        - 2 * positives / nullif(cast(row_count + positives as double), 0) as f1_over_trivial
    from called

),

live as (

    {% for kind in ['count', 'probability', 'forecast', 'value', 'ranking'] %}
        select
            split as model_name,
            as_of_date as week_start,
            metric_name,
            metric_value,
            baseline_value,
            row_count
        from {{ kind }}_live
        where segment = 'all' and metric_name not in ('f1', 'f1_over_trivial')
        union all
    {% endfor %}
    {% for metric in ['f1', 'f1_over_trivial'] %}
        select
            model_name,
            week_start,
            '{{ metric }}' as metric_name,
            max(case when side = 'model' then {{ metric }} end) as metric_value,
            max(case when side = 'baseline' then {{ metric }} end) as baseline_value,
            max(row_count) as row_count
        from scored_calls
        group by model_name, week_start
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- beside what the back-test promised when each version was fitted, weighted as the week's rows are

served_rows as (

    {% for model, product in products.items() %}
        select
            '{{ model }}' as model_name,
            evaluated_as_of as week_start,
            part,
            served_version as model_version,
            count(*) as row_count
        from {{ product.product }}_rows
        group by evaluated_as_of, part, served_version
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

evaluations as (

    {% for model, product in products.items() %}
        select
            '{{ model }}' as model_name,
            model_version,
            segment,
            metric_name,
            metric_value,
            baseline_value
        from (
            select
                *,
                min(as_of_date) over (partition by model_version) as fitted_as_of
            from (
                {{ built(product.product ~ '_metrics', [
                    'model_version', 'as_of_date', 'split', 'segment', 'metric_name', 'metric_value', 'baseline_value'
                ]) }}
            ) as metrics
            where split = 'test'
        ) as dated
        where as_of_date = fitted_as_of
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

promises as (

    select
        served_rows.model_name,
        served_rows.week_start,
        policy.metric_name,
        cast(served_rows.row_count as double) as weight,
        due.is_complete or policy.metric_name in {{ mean_names }} as is_comparable,
        evaluations.metric_value,
        evaluations.baseline_value
    from served_rows
    inner join policy on served_rows.model_name = policy.model_name
    inner join due
        on served_rows.model_name = due.model_name
        and served_rows.week_start = due.week_start
    left join evaluations
        on served_rows.model_name = evaluations.model_name
        and served_rows.model_version = evaluations.model_version
        and policy.metric_name = evaluations.metric_name
        and case when policy.metric_name in {{ mean_names }} then served_rows.part else 'all' end = evaluations.segment

),

backtests as (

    select
        model_name,
        week_start,
        metric_name,
        {% for value in ['metric_value', 'baseline_value'] %}
            case
                when count({{ value }}) < count(*) or not bool_and(is_comparable) then null
                when metric_name = 'rmse' then sqrt(sum(weight * {{ value }} * {{ value }}) / sum(weight))
                else sum(weight * {{ value }}) / sum(weight)
            end as {{ value }}{{ ',' if not loop.last }}
        {% endfor %}
    from promises
    group by model_name, week_start, metric_name

),

versions as (

    select
        model_name,
        week_start,
        model_version,
        row_number() over (
            partition by model_name, week_start order by sum(row_count) desc, model_version desc
        ) as place
    from served_rows
    group by model_name, week_start, model_version

),

compared as (

    select
        live.model_name,
        live.week_start,
        live.metric_name,
        versions.model_version,
        live.metric_value,
        live.baseline_value,
        backtests.metric_value as backtest_value,
        backtests.baseline_value as backtest_baseline_value,
        live.row_count,
        coalesce(targets.is_primary, false) as is_primary,
        policy.comparison,
        policy.measured_as,
        policy.tolerance,
        policy.weeks,
        policy.least_rows,
        due.as_of_date,
        live.metric_value
        / case when policy.measured_as = 'over_baseline' then nullif(live.baseline_value, 0) else 1e0 end as judged_value,
        backtests.metric_value
        / case when policy.measured_as = 'over_baseline' then nullif(backtests.baseline_value, 0) else 1e0 end
            as promised_value
    from live
    inner join due
        on live.model_name = due.model_name
        and live.week_start = due.week_start
    inner join policy
        on live.model_name = policy.model_name
        and live.metric_name = policy.metric_name
    inner join versions
        on live.model_name = versions.model_name
        and live.week_start = versions.week_start
        and versions.place = 1
    left join targets
        on live.model_name = targets.model_name
        and live.metric_name = targets.metric_name
    left join backtests
        on live.model_name = backtests.model_name
        and live.week_start = backtests.week_start
        and live.metric_name = backtests.metric_name

),

judged as (

    select
        model_name,
        week_start,
        metric_name,
        model_version,
        metric_value,
        baseline_value,
        backtest_value,
        backtest_baseline_value,
        row_count,
        is_primary,
        measured_as,
        tolerance,
        weeks,
        coalesce(
            row_count >= least_rows
            and case
                when comparison = 'at_least' then judged_value < tolerance * promised_value
                else judged_value > promised_value / tolerance
            end, false
        ) as is_outside,
        as_of_date
    from compared

),

-- with the weeks around them: one that has changed may end or begin a row of them
{% set columns = [
    'model_name', 'week_start', 'metric_name', 'model_version', 'metric_value', 'baseline_value', 'backtest_value',
    'backtest_baseline_value', 'row_count', 'is_primary', 'measured_as', 'tolerance', 'weeks', 'is_outside', 'as_of_date',
] %}
history as (

    select {{ columns | join(', ') }}
    from judged
    {% if is_incremental() %}
        union all
        select measured.{{ columns | join(', measured.') }}
        from {{ this }} as measured
        inner join clock on measured.as_of_date <= clock.as_of_date
        left join due
            on measured.model_name = due.model_name
            and measured.week_start = due.week_start
        where due.model_name is null
    {% endif %}

),

changed as (

    select
        model_name,
        min(week_start) as week_start
    from due
    group by model_name

),

rows_outside as (

    select
        history.model_name,
        history.week_start,
        history.metric_name,
        count(*) as weeks_outside
    from history
    inner join changed
        on history.model_name = changed.model_name
        and history.week_start >= changed.week_start
    inner join history as recent
        on history.model_name = recent.model_name
        and history.metric_name = recent.metric_name
        and history.week_start >= recent.week_start
        and history.week_start < recent.week_start + cast(7 * history.weeks as int)
    where recent.is_outside
    group by history.model_name, history.week_start, history.metric_name

),

final as (

    select
        history.{{ columns | join(',\n        history.') }},
        coalesce(rows_outside.weeks_outside, 0) >= history.weeks as is_degraded
    from history
    inner join changed
        on history.model_name = changed.model_name
        and history.week_start >= changed.week_start
    left join rows_outside
        on history.model_name = rows_outside.model_name
        and history.week_start = rows_outside.week_start
        and history.metric_name = rows_outside.metric_name

)

select * from final
