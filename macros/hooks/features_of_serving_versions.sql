{#
  Query: model_name, model_version and feature_name, a row for each feature that a version which serves was fitted on.

  Arguments
    champions  relations, the products' champions
    reference  relation drift_reference

  Example: {{ features_of_serving_versions([ref('demand_champion')], ref('drift_reference')) }}
#}
{% macro features_of_serving_versions(champions, reference) %}
    select distinct
        reference.model_name,
        reference.model_version,
        reference.feature_name
    from {{ reference }} as reference
    inner join (
        {% for champion in champions %}
            select
                model_name,
                model_version
            from {{ champion }}
            where serves
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as serving
        on reference.model_name = serving.model_name
        and reference.model_version = serving.model_version
    where reference.kind = 'feature'
    order by
        reference.model_name,
        reference.model_version,
        reference.feature_name
{% endmacro %}
