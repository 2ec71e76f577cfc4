{# The versions of a slowly changing dimension with `known_from`, the day from which each one is known: the day after it
   took effect; of several in one day the last. The first one stands for the thing since it came to the platform, as a
   warehouse often starts keeping versions only later. Versions that come after the run's as_of are left out, and those
   without a key. A version that does not say since when it is valid is so since the thing came.

   Beside gold's columns: `known_from`; `came_date`, the day on which the thing came, or its first version where gold does
   not say; `ended_date`, the day on which the version ended, if before as_of: nothing is in force after that of the last one.

   Arguments: `table`, a gold dimension; `key`, its column that names the thing; `version_key`, the one that names the
   version; `since`, the day on which the thing came to the platform.
   Example: {{ dated_versions('dim_user', key='user_id', version_key='user_key', since='created_at') }}. #}
{% macro dated_versions(table, key, version_key, since) %}
    {% set as_of = "(select as_of_date from " ~ ref('point_in_time') ~ ")" %}
    select
        *,
        -- not before it began
        case when cast(effective_to as date) < {{ as_of }} then greatest(cast(effective_to as date), known_from - 1) end as ended_date
    from (
        select
            *,
            row_number() over (partition by {{ key }}, known_from order by version_number desc) as recency
        from (
            select
                *,
                coalesce(said_date, first_date) as came_date,
                case when version_number = 1 then least(cast(began_at as date), said_date) else cast(began_at as date) end + 1
                    as known_from
            from (
                select
                    *,
                    min(cast(began_at as date)) over (partition by {{ key }}) as first_date,
                    row_number() over (partition by {{ key }} order by began_at, {{ version_key }}) as version_number
                from (
                    select
                        *,
                        coalesce({{ believed_date('effective_from') }}, cast({{ believed_date(since) }} as timestamp)) as began_at,
                        case when {{ since }} <= {{ as_of }} then {{ believed_date(since) }} end as said_date
                    from {{ gold(table) }}
                    where {{ key }} is not null
                ) as begun
                where began_at is not null
            ) as numbered
        ) as dated
        where known_from <= {{ as_of }}
    ) as ranked
    where recency = 1
{% endmacro %}
