{{ public_table(product_recommendations()) }}

with scores as (

    {{ not_yet_published(ref('recommendations_scores')) }}

),

-- none where nothing is new
clock as (

    select max(as_of_date) as as_of_date
    from scores

),

known as (

    {{ known_users() }}

),

users as (

    select
        known.user_id,
        clock.as_of_date
    from known
    cross join clock
    where clock.as_of_date >= known.known_from and clock.as_of_date <= known.known_until

),

described as (

    {{ as_of_join('users', ref('user_features'), ['user_id'], 'as_of_date', 'feature_date', ['country', 'bookings_ever'], wanted='users') }}

),

new_users as (

    select
        user_id,
        coalesce(country, 'unknown') as country
    from described
    where bookings_ever = 0

),

ranked as (

    select
        *,
        row_number() over (
            partition by model_version, query_id order by score desc, {{ tie_order('property_id', 'query_id') }}
        ) as rank,
        row_number() over (
            partition by model_version, query_id order by baseline_score desc, {{ tie_order('property_id', 'query_id') }}
        ) as baseline_rank
    from scores

),

-- what the baseline would recommend in that place; what it scores 0 it does not
top as (

    select
        ranked.*,
        of_baseline.property_id as baseline_property_id
    from ranked
    left join ranked as of_baseline
        on ranked.model_version = of_baseline.model_version
        and ranked.query_id = of_baseline.query_id
        and ranked.rank = of_baseline.baseline_rank
        and of_baseline.baseline_score > 0
    where ranked.rank <= 10

),

-- a query is one user's, or that of all new users of a country
addressed as (

    select
        query_id as user_id,
        rank,
        property_id,
        score,
        model_name,
        model_version,
        as_of_date,
        baseline_property_id
    from top
    where query_id > 0
    union all
    select
        new_users.user_id,
        top.rank,
        top.property_id,
        top.score,
        top.model_name,
        top.model_version,
        top.as_of_date,
        top.baseline_property_id
    from new_users
    inner join top
        on new_users.country = top.country
        and top.query_id < 0

),

own as (

    {{ assigned_arm_only('addressed', ref('recommendations_champion'), 'user_id') }}

),

final as (

    select
        user_id,
        cast(rank as int) as rank,
        property_id,
        score,
        model_name,
        model_version,
        as_of_date,
        as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        baseline_property_id
    from own

)

select * from final
