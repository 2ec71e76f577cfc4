{# no table or view: what people asked about stays in the log, which forgets by itself #}
{{ config(materialized='ephemeral') }}

with clock as (

    select as_of_date from {{ ref('point_in_time') }}

),

logged as (

    {{ inference_log() }}

),

final as (

    select
        served_at,
        served_date,
        request_id,
        model_name,
        coalesce(cast({{ json_text('answer', "'model_version'") }} as int), model_version) as model_version,
        coalesce(arm, 'champion') as arm,
        coalesce(status, 200) as status,
        milliseconds,
        cast({{ json_text('answer', "'scoring_date'") }} as date) as scoring_date,
        case model_name
            {% for product in products() %}
                {% set column = {} %}
                {% for name in ['scoring_date'] + product.public_key %}
                    {% do column.update({name: json_text('answer', "'" ~ name ~ "'")}) %}
                {% endfor %}
                when '{{ product.model_name }}' then {{ served_key(product, column) }}
            {% endfor %}
        end as served_key,
        answer is not null as is_answered,
        -- what a caller gave, a booking that does not exist yet among it, stands in `asked`; in an older log in the answer alone
        answer is not null and asked is null and {{ json_text('answer', "'given_features'") }} is null as is_by_key,
        answer,
        asked
    from logged
    where served_date < (select as_of_date from clock)

)

select * from final
