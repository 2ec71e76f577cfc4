{#
  For `due` of a declaration: the properties that are on offer at the point in time, a query with {property_versions} and {as_of}.

  Argument
    known  condition on a version from which on the property can be predicted; all of them without it

  Example: 'due': {'key': 'property_id', 'each': 30, 'of': due_properties()}
#}
{% macro due_properties(known='true') %}
    {{ return(
        'select property_id from {property_versions} group by property_id having min(case when ' ~ known
        ~ " then known_from end) <= {as_of} and max(coalesce(ended_date, cast('9999-12-31' as date))) >= {as_of}"
    ) }}
{% endmacro %}
