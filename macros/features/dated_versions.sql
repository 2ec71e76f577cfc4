{# The versions of a slowly changing dimension with `known_from`, the day from which each one is known: the day after it
   took effect; of several in one day the last. The first one stands for the thing since it came to the platform, as a
   warehouse often starts keeping versions only later. Versions that come after the run's as_of are left out.

   Arguments: `table`, a gold dimension; `key`, its column that names the thing; `version_key`, the one that names the
   version; `since`, the day on which the thing came to the platform.
   Example: {{ dated_versions('dim_user', key='user_id', version_key='user_key', since='created_at') }}. #}
{% macro dated_versions(table, key, version_key, since) %}
    select *
    from (
        select
            *,
            row_number() over (partition by {{ key }}, known_from order by version_number desc) as recency
        from (
            select
                *,
                case
                    when version_number = 1 then least(cast(effective_from as date), {{ since }})
                    else cast(effective_from as date)
                end + 1 as known_from
            from (
                select
                    *,
                    row_number() over (partition by {{ key }} order by effective_from, {{ version_key }}) as version_number
                from {{ source('gold', table) }}
            ) as numbered
        ) as dated
        where known_from <= (select as_of_date from {{ ref('point_in_time') }})
    ) as ranked
    where recency = 1
{% endmacro %}
