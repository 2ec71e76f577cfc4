-- depends_on: {{ ref('gold_checks') }}
{# named here for the graph: newest_booking reads it #}
{% do source('gold', 'fact_booking_detail') %}
{% set requested = requested_as_of() %}

with newest as (

    {{ newest_booking(gold_policy()) }}

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
