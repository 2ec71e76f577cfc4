{#
  What moved each explained prediction most, in words: of each row the three largest contributions, kept as long as the
  public table keeps the row. Words of features are in seed `feature_words`; one that is not there is named as the column is.

  Argument
    product  a declaration with `reasons` (macro products)

  Example: {{ reasons_in_words(product_churn()) }}
#}
{% macro reasons_in_words(product) %}
    {{ config(
        materialized='incremental',
        unique_key=['scoring_date'] + product.public_key + ['rank'],
        full_refresh=false,
        pre_hook="{{ delete_rescored('" ~ product.product ~ "_reasons') }}",
        post_hook="{{ delete_older(this, 'scoring_date', " ~ (product.truth_days + 30) ~ ", '" ~ product.predictions ~ "') }}",
        tags=[product.cadence, 'reasons'],
        access='public',
        group=product.product,
    ) }}

with contributions as (

    {{ not_yet_published(ref(product.product ~ '_contributions')) }}

),

words as (

    select * from {{ ref('feature_words') }}

),

named as (

    select
        contributions.*,
        coalesce(words.form, 'unnamed') as form,
        coalesce(words.says, replace(contributions.feature, '_', ' ') || ' is {}') as says,
        coalesce(words.says_of_none, replace(contributions.feature, '_', ' ') || ' is not known') as says_of_none,
        words.says_of_one,
        cast(floor(contributions.feature_number + 0.5) as bigint) as whole,
        {{ number_text('round(contributions.feature_number, 2)') }} as decimals
    from contributions
    left join words on contributions.feature = words.feature

),

said as (

    select
        *,
        coalesce(feature_text, decimals) as feature_value,
        case
            when feature_text is null and feature_number is null then says_of_none
            when form = 'flag' then case when whole > 0 then says else says_of_none end
            when form = 'count' and whole = 0 then replace(says, '{}', 'no')
            when form = 'count' and whole = 1 then coalesce(says_of_one, replace(says, '{}', '1'))
            when form in ('count', 'money') then replace(says, '{}', cast(whole as {{ dbt.type_string() }}))
            when form = 'percent'
                then replace(
                    says, '{}', cast(cast(floor(100 * feature_number + 0.5) as bigint) as {{ dbt.type_string() }}) || ' %'
                )
            when form = 'weekday'
                then replace(says, '{}', substring('MonTueWedThuFriSatSun', cast(3 * whole - 2 as int), 3))
            when form = 'month'
                then replace(
                    says, '{}', substring('JanFebMarAprMayJunJulAugSepOctNovDec', cast(3 * whole - 2 as int), 3)
                )
            else replace(says, '{}', coalesce(feature_text, decimals))
        end as value_in_words,
        case when contribution < 0 then 'lowers' else 'raises' end as effect
    from named

),

final as (

    select
        {%- for key in product.public_key %}
        {{ key }},
        {%- endfor %}
        rank,
        feature,
        feature_value,
        contribution,
        effect,
        value_in_words || ': ' || effect || ' {{ product.reasons.of }}' as reason,
        base_value,
        margin,
        unit,
        '{{ product.model_name }}' as model_name,
        model_version,
        as_of_date,
        as_of_date as scoring_date
    from said

)

select * from final
{% endmacro %}
