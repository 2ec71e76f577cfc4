-- depends_on: {{ ref('gold_checks') }}
{# named here for the graph: newest_booking reads it #}
{% do gold('fact_booking_detail') %}
{% set by = as_of_by() %}

with newest as (

    {{ newest_booking(gold_policy()) }}

),

final as (

    select
        {% if by == 'newest booking' %}
            newest_booking_date + 1 as as_of_date,
        {% else %}
            cast('{{ requested_as_of() if by == 'var' else gold_today() }}' as date) as as_of_date,
        {% endif %}
        cast('{{ by }}' as {{ dbt.type_string() }}) as chosen_by
    from newest

)

select * from final
