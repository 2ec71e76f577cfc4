{#
  The models whose reference is written for every version that there is: a list of '<model_name> <kind>'. For these
  drift_reference has nothing to count and leaves their queries out, which take longer to plan than the rest of it.

  Argument
    references  relation with model_name, model_version and kind: drift_reference as the last run left it

  Example: {% set settled = settled_references(this) if is_incremental() else [] %}
#}
{% macro settled_references(references) %}
    {% set built = [] %}
    {% for row in products() if is_built(ref(row.model_name)) %}
        {% do built.append(ref(row.model_name)) %}
    {% endfor %}
    {# a unit test gives rows by CTEs, which are not there yet #}
    {% if not execute or references.is_cte or not built or built | selectattr('is_cte') | list %}
        {{ return([]) }}
    {% endif %}
    {% set query %}
        select versions.model_name || ' ' || kinds.kind as settled
        from (
            {% for versions in built %}
                select
                    model_name,
                    model_version
                from {{ versions }}
                {{ 'union all' if not loop.last }}
            {% endfor %}
        ) as versions
        cross join (
            select 'feature' as kind
            union all
            select 'prediction' as kind
        ) as kinds
        left join (
            select distinct
                model_name,
                model_version,
                kind
            from {{ references }}
        ) as known
            on versions.model_name = known.model_name
            and versions.model_version = known.model_version
            and kinds.kind = known.kind
        group by versions.model_name, kinds.kind
        having count(*) = count(known.kind)
    {% endset %}
    {{ return(run_query(query).columns[0].values() | list) }}
{% endmacro %}
