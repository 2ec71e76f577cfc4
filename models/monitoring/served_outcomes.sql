with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

weeks as (

    select * from {{ ref('outcome_weeks') }}

),

{% for product in products() %}
    {{ product.product }}_served as (

        select
            predictions.{{ (['scoring_date', 'model_version'] + product.served) | join(',\n            predictions.') }},
            weeks.week_start,
            weeks.part,
            weeks.first_unit,
            weeks.last_unit,
            weeks.truth_days
        from ({{ built(product.predictions, ['scoring_date', 'model_version'] + product.served) }}) as predictions
        inner join weeks
            on weeks.model_name = '{{ product.model_name }}'
            and {{ monday_of('predictions.scoring_date') }} = weeks.week_start
        where predictions.scoring_date <= (select as_of_date from clock)

    ),

{% endfor %}
-- what became of the rows, as known now

bookings as (

    select *
    from {{ ref('stg_bookings') }}
    where greatest(created_date, check_in_date) >= (select min(week_start) - 1 from weeks)

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
        served.week_start,
        served.model_version,
        served.part,
        served.check_in_date,
        served.destination_id,
        served.predicted_bookings,
        served.baseline_bookings,
        cast(coalesce(arrivals.bookings, 0) as double) as bookings
    from demand_served as served
    left join arrivals
        on served.property_id = arrivals.property_id
        and served.check_in_date = arrivals.check_in_date
    where
        {{ dbt.datediff('served.scoring_date', 'served.check_in_date', 'day') }}
        between served.first_unit and served.last_unit

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
    left join earned
        on served.destination_id = earned.destination_id
        and served.forecast_date = earned.check_in_date
    where
        served.forecast_level = 'destination'
        and served.horizon_days between served.first_unit and served.last_unit
    group by served.scoring_date, served.forecast_date

),

revenue_rows as (

    select
        served.week_start,
        served.model_version,
        served.part,
        served.forecast_level,
        served.destination_id,
        served.scoring_date as as_of_date,
        served.forecast_date,
        served.horizon_days,
        served.forecast_revenue,
        served.lower_80,
        served.upper_80,
        served.baseline_revenue,
        revenue_of_day.revenue
    from revenue_served as served
    inner join revenue_of_day
        on served.scoring_date = revenue_of_day.scoring_date
        and served.forecast_date = revenue_of_day.forecast_date
    where
        served.forecast_level = 'total'
        and served.horizon_days between served.first_unit and served.last_unit

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
        served.week_start,
        served.model_version,
        served.part,
        served.engagement_date,
        served.conversion_probability,
        served.baseline_probability,
        case when booked.bookings > 0 then 1e0 else 0e0 end as converted
    from conversion_served as served
    left join booked
        on served.property_id = booked.property_id
        and served.engagement_date = booked.created_date

),

-- what is said of the current price: nobody knows what the other one would have brought
pricing_known as (

    select *
    from pricing_served
    where
        12 * (extract(year from stay_month) - extract(year from scoring_date - 1))
        + extract(month from stay_month) - extract(month from scoring_date - 1) - 1
        between first_unit and last_unit

),

pricing_labels as (

    select
        served.property_id,
        served.stay_month,
        served.scoring_date,
        count(*) as bookings
    from pricing_known as served
    inner join bookings
        on served.property_id = bookings.property_id
        and served.stay_month = cast({{ dbt.date_trunc('month', 'bookings.check_in_date') }} as date)
        and served.scoring_date <= bookings.created_date
    group by served.property_id, served.stay_month, served.scoring_date

),

pricing_rows as (

    select
        served.week_start,
        served.model_version,
        served.part,
        served.stay_month,
        served.destination_id,
        served.expected_bookings_current as expected_bookings,
        served.baseline_bookings,
        cast(coalesce(labels.bookings, 0) as double) as bookings
    from pricing_known as served
    left join pricing_labels as labels
        on served.property_id = labels.property_id
        and served.stay_month = labels.stay_month
        and served.scoring_date = labels.scoring_date

),

{% for product in ['customer_ltv', 'churn', 'recommendations'] %}
    -- what was booked from each scoring on until the truth was known
    {{ product }}_following as (

        select
            days.scoring_date,
            days.scoring_date + days.truth_days as known_date,
            bookings.*
        from (
            select distinct
                scoring_date,
                truth_days
            from {{ product }}_served
        ) as days
        inner join bookings
            on days.scoring_date <= bookings.created_date
            and days.scoring_date + days.truth_days > bookings.created_date

    ),

{% endfor %}
customer_ltv_labels as (

    select
        scoring_date,
        user_id,
        cast(sum(amount) as double) as revenue
    from customer_ltv_following
    where cancelled_date is null or cancelled_date >= known_date
    group by scoring_date, user_id

),

customer_ltv_rows as (

    select
        served.week_start,
        served.model_version,
        served.part,
        served.user_id,
        served.scoring_date,
        served.activity,
        served.predicted_ltv_12m,
        served.baseline_revenue,
        coalesce(labels.revenue, 0e0) as revenue
    from customer_ltv_served as served
    left join customer_ltv_labels as labels
        on served.user_id = labels.user_id
        and served.scoring_date = labels.scoring_date

),

stayed as (

    select distinct
        scoring_date,
        user_id
    from churn_following

),

churn_rows as (

    select
        served.week_start,
        served.model_version,
        served.part,
        served.scoring_date as as_of_date,
        served.churn_probability,
        served.baseline_probability,
        served.will_churn as is_called,
        case when stayed.user_id is null then 1e0 else 0e0 end as churned
    from churn_served as served
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
    from (
        select distinct scoring_date from ({{ built('cancellation_predictions', ['scoring_date']) }}) as predictions
    ) as days

),

-- a booking counts once, when it is scored for the first time and within a week, as the back-test has it: one that is
-- scored again has survived, and is less likely to be cancelled than the probability says
cancellation_rows as (

    select
        served.week_start,
        served.model_version,
        served.part,
        served.check_in_date,
        served.cancellation_probability,
        served.baseline_probability,
        served.predicted_cancellation as is_called,
        case when bookings.cancelled_date <= bookings.check_in_date then 1e0 else 0e0 end as cancelled
    from cancellation_served as served
    inner join scoring_gaps on served.scoring_date = scoring_gaps.scoring_date
    inner join bookings
        on served.booking_id = bookings.booking_id
        and scoring_gaps.scored_before <= bookings.created_date
        and bookings.check_in_date < (select as_of_date from clock)
    where
        {{ dbt.datediff('bookings.created_date', 'bookings.check_in_date', 'day') }}
        between served.first_unit and served.last_unit

),

next_bookings as (

    select
        scoring_date,
        user_id,
        property_id,
        row_number() over (partition by scoring_date, user_id order by created_at, booking_id) as place
    from recommendations_following

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
        served.part,
        next_bookings.property_id as next_property_id
    from recommendations_served as served
    inner join next_bookings
        on served.user_id = next_bookings.user_id
        and served.scoring_date = next_bookings.scoring_date
        and next_bookings.place = 1

),

-- who books next is a query; of the model's and the baseline's ten, each has those that only the other one has last
recommendations_rows as (

    select
        week_start,
        model_version,
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
                {{ property }}{{ ' as property_id' if property != 'property_id' }},
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

{# which column of a product's rows stands where in the table; what is not named is null #}
{% set named = {
    'demand_predictor': {'label_date': 'check_in_date', 'group_id': 'destination_id', 'prediction': 'predicted_bookings', 'baseline': 'baseline_bookings', 'label': 'bookings'},
    'revenue_forecaster': {'scoring_date': 'as_of_date', 'label_date': 'forecast_date', 'prediction': 'forecast_revenue', 'baseline': 'baseline_revenue', 'label': 'revenue', 'lower_80': 'lower_80', 'upper_80': 'upper_80'},
    'conversion_predictor': {'label_date': 'engagement_date', 'prediction': 'conversion_probability', 'baseline': 'baseline_probability', 'label': 'converted'},
    'pricing_optimizer': {'label_date': 'stay_month', 'group_id': 'destination_id', 'prediction': 'expected_bookings', 'baseline': 'baseline_bookings', 'label': 'bookings'},
    'customer_ltv_predictor': {'scoring_date': 'scoring_date', 'unit_id': 'user_id', 'segment': 'activity', 'prediction': 'predicted_ltv_12m', 'baseline': 'baseline_revenue', 'label': 'revenue'},
    'churn_predictor': {'prediction': 'churn_probability', 'baseline': 'baseline_probability', 'is_called': 'is_called', 'label': 'churned'},
    'cancellation_predictor': {'label_date': 'check_in_date', 'prediction': 'cancellation_probability', 'baseline': 'baseline_probability', 'is_called': 'is_called', 'label': 'cancelled'},
    'property_recommender': {'scoring_date': 'as_of_date', 'unit_id': 'user_id', 'item_id': 'property_id', 'prediction': 'score', 'baseline': 'baseline_score', 'label': 'is_next'},
} %}
{% set shape = {
    'scoring_date': 'date', 'label_date': 'date', 'unit_id': 'bigint', 'item_id': 'bigint', 'group_id': 'bigint',
    'segment': dbt.type_string(), 'prediction': 'double', 'baseline': 'double', 'lower_80': 'double', 'upper_80': 'double',
    'is_called': 'boolean', 'label': 'double',
} %}
known_rows as (

    {% for model, columns in named.items() %}
        select
            '{{ model }}' as model_name,
            week_start,
            part,
            model_version,
            {% for name, type in shape.items() %}
                cast({{ columns.get(name, 'null') }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ declared_product(model).product }}_rows
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        known_rows.*,
        weeks.is_complete,
        weeks.as_of_date
    from known_rows
    inner join weeks
        on known_rows.model_name = weeks.model_name
        and known_rows.week_start = weeks.week_start
        and known_rows.part = weeks.part

)

select * from final
