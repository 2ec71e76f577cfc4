{#
  Served rows of this run's day whose predictions are to be explained, with the columns of the examples and model_version,
  the version that served each. Var `reasons`: `acting` (default), the rows on which people act by the declaration, at most var
  `reasons_rows`; `all`; or `none`. No row where the day was scored before: then the examples hold none to score.

  Argument
    product  a declaration with `reasons` (macro products)

  Example: {{ explained_rows(product_churn()) }}
#}
{% macro explained_rows(product) %}
    {% set wanted = var('reasons') %}
    {% if wanted not in ['acting', 'all', 'none'] %}
        {{ exceptions.raise_compiler_error("var reasons is '" ~ wanted ~ "'; it takes acting, all or none") }}
    {% endif %}
    {% set keys = product.public_key + ['as_of_date'] %}
    {{ config(materialized='view', tags=[product.cadence, 'reasons']) }}

with examples as (

    select * from {{ ref(product.product ~ '_examples') }}
    where split = 'score'

),

published as (

    select * from {{ ref(product.predictions) }}
    where scoring_date = (select max(scored.as_of_date) from examples as scored)

),

ranked as (

    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        model_version,
        row_number() over (
            order by {{ product.reasons.first }} desc{% for key in product.public_key %}, {{ key }} asc{% endfor %}
        ) as place
    from published
    where {{ {'acting': product.reasons.acting, 'all': 'true', 'none': 'false'}[wanted] }}

),

final as (

    select
        examples.*,
        ranked.model_version
    from examples
    inner join ranked
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}examples.{{ key }} = ranked.{{ key }}
            {%- endfor %}
    {%- if wanted == 'acting' %}
    where ranked.place <= {{ var('reasons_rows') | int }}
    {%- endif %}

)

select * from final
{% endmacro %}
