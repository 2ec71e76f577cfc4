{#
  The view beside a public table: its newest scoring, and what its numbers of properties, destinations and users stand for, as
  known at the point in time. Columns beside those of the table: `property_type`, `destination` and `country` of a property or
  destination, `user_country` and `user_type` of a user.

  Arguments
    product  a declaration (macro products)
    names    which of `property`, `destination` and `user` the table has the number of
    table    another table of the product than its public one

  Example: {{ current_scoring(product_demand(), ['property']) }}
#}
{% macro current_scoring(product, names=[], table=none) %}
    {% set table = table or product.predictions %}
    {{ config(materialized='view', access='public', group=product.product, tags=[product.cadence]) }}

with scored as (

    select *
    from {{ ref(table) }}
    where scoring_date = (select max(newest.scoring_date) from {{ ref(table) }} as newest)

),

    {%- if 'property' in names %}

properties as (

    select
        property_id,
        property_type,
        destination_id
    from (
        select
            property_id,
            property_type,
            destination_id,
            row_number() over (partition by property_id order by known_from desc) as recency
        from {{ ref('property_versions') }}
    ) as property_versions
    where recency = 1

),

    {%- endif %}
    {%- if 'property' in names or 'destination' in names %}

places as (

    select * from {{ ref('stg_destinations') }}

),

    {%- endif %}
    {%- if 'user' in names %}

users as (

    select
        user_id,
        user_country,
        user_type
    from (
        select
            user_id,
            country as user_country,
            user_type,
            row_number() over (partition by user_id order by known_from desc) as recency
        from {{ ref('user_versions') }}
    ) as user_versions
    where recency = 1

),

    {%- endif %}

final as (

    select
        {%- if 'property' in names %}
        properties.property_type,
        {%- endif %}
        {%- if 'property' in names or 'destination' in names %}
        {# what has no destination of its own, the total of forecasts, is number 0 -#}
        places.destination,
        places.country,
        {%- endif %}
        {%- if 'user' in names %}
        users.user_country,
        users.user_type,
        {%- endif %}
        scored.*
    from scored
    {%- if 'property' in names %}
    left join properties on scored.property_id = properties.property_id
    left join places on properties.destination_id = places.destination_id
    {%- elif 'destination' in names %}
    left join places on scored.destination_id = places.destination_id
    {%- endif %}
    {%- if 'user' in names %}
    left join users on scored.user_id = users.user_id
    {%- endif %}

)

select * from final
{% endmacro %}
