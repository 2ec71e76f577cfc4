{% set requested = requested_as_of() %}

with bookings as (

    select * from {{ source('gold', 'fact_booking_detail') }}

),

newest as (

    select cast(max(created_at) as date) as newest_booking_date
    from bookings

),

final as (

    select
        {% if requested %}
            cast('{{ requested }}' as date) as as_of_date,
            cast('var' as {{ dbt.type_string() }}) as chosen_by
        {% elif target.name == 'prod' %}
            current_date as as_of_date,
            cast('today' as {{ dbt.type_string() }}) as chosen_by
        {% else %}
            newest_booking_date + 1 as as_of_date,
            cast('newest booking' as {{ dbt.type_string() }}) as chosen_by
        {% endif %}
    from newest

)

select * from final
