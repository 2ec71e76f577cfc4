{{ config(materialized='ephemeral') }}

with served as (

    {{ served_in_weeks(product_recommendations()) }}

),

following as (

    {{ following_bookings('served') }}

),

next_bookings as (

    select
        scoring_date,
        user_id,
        property_id,
        row_number() over (partition by scoring_date, user_id order by created_at, booking_id) as place
    from following

),

recommended as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.scoring_date,
        served.user_id,
        served.rank,
        served.property_id,
        served.baseline_property_id,
        next_bookings.property_id as next_property_id
    from served
    inner join next_bookings
        on served.user_id = next_bookings.user_id
        and served.scoring_date = next_bookings.scoring_date
        and next_bookings.place = 1

),

both_rankings as (

    {% for property, score, baseline in [('property_id', '11 - rank', '0'), ('baseline_property_id', '0', '11 - rank')] %}
        select
            week_start,
            part,
            served_key,
            model_version,
            scoring_date,
            user_id,
            {{ property }}{{ ' as property_id' if property != 'property_id' }},
            {{ score }} as score,
            {{ baseline }} as baseline_score,
            next_property_id
        from recommended
        where {{ property }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- who books next is a query; of the model's and the baseline's ten, each has those that only the other one has last
labelled as (

    select
        week_start,
        part,
        served_key,
        model_version,
        scoring_date,
        user_id,
        property_id,
        max(score) as score,
        max(baseline_score) as baseline_score,
        max(case when property_id = next_property_id then 1 else 0 end) as is_next
    from both_rankings
    group by week_start, part, served_key, model_version, scoring_date, user_id, property_id

)

{{ outcome_rows('labelled', product_recommendations(), {
    'scoring_date': 'scoring_date', 'unit_id': 'user_id', 'item_id': 'property_id',
    'served_key': 'served_key'
}) }}
