{#
  The users that a snapshot may be about: `known_from`, the day of their first features, and `known_until`, the day on which
  their last version ended, far off while it is in force. Whom dim_user does not have any more is not among them.

  Example: with users as ( {{ known_users() }} ) … where snapshot_date between users.known_from and users.known_until
#}
{% macro known_users() %}
    select
        features.user_id,
        min(features.feature_date) as known_from,
        min(lives.known_until) as known_until
    from {{ ref('user_features') }} as features
    inner join (
        select
            user_id,
            max(coalesce(ended_date, cast('9999-12-31' as date))) as known_until
        from {{ ref('user_versions') }}
        group by user_id
    ) as lives on features.user_id = lives.user_id
    group by features.user_id
{% endmacro %}
