{#
  Every combination of values in `columns` occurs once; null counts as a value.

  Arguments
    columns  list of one or more columns

  Fails with one row for each combination that occurs more often: the columns, occurrences, message.

  Example
    data_tests:
      - unique_combination:
          arguments: {columns: [property_id, feature_date]}
#}
{% test unique_combination(model, columns) %}
    {% if columns is string or columns is mapping or columns is not iterable or columns | length == 0 %}
        {{ exceptions.raise_compiler_error(
            "unique_combination on " ~ (model.identifier or model) ~ ": columns is '" ~ columns
            ~ "'; it takes a list of one or more columns, such as [property_id, feature_date]"
        ) }}
    {% endif %}
    {% set words = [] %}
    {% for column in columns %}
        {% do words.append("'" ~ (', ' if not loop.first) ~ column ~ " '") %}
        {% do words.append("coalesce(cast(" ~ column ~ " as " ~ dbt.type_string() ~ "), 'null')") %}
    {% endfor %}
    {% do words.append("' occurs '") %}
    {% do words.append("cast(count(*) as " ~ dbt.type_string() ~ ")") %}
    {% do words.append("' times in " ~ (model.identifier or model) | replace("'", "''") ~ "'") %}

    select
        {{ columns | join(', ') }},
        count(*) as occurrences,
        {{ dbt.concat(words) }} as message
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
