{#
  For `due` of a declaration: the users that are known at the point in time and have not ended, a query with {user_versions}
  and {as_of}.

  Example: 'due': {'key': 'user_id', 'each': 1, 'of': due_users()}
#}
{% macro due_users() %}
    {{ return(
        'select user_id from {user_versions} group by user_id having min(known_from) <= {as_of} '
        ~ "and max(coalesce(ended_date, cast('9999-12-31' as date))) >= {as_of}"
    ) }}
{% endmacro %}
