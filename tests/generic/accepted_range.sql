{#
  A number lies between two bounds, both included; nulls pass.

  Arguments
    at_least  smallest value allowed
    at_most   largest value allowed
              At least one of the two; both are numbers.

  Fails with one row for each value outside: the value, row_count, message.

  Example
    columns:
      - name: cancellation_rate
        data_tests:
          - accepted_range:
              arguments: {at_least: 0, at_most: 1}
#}
{% test accepted_range(model, column_name, at_least=none, at_most=none) %}
    {% set place = "accepted_range on " ~ (model.identifier or model) ~ "." ~ column_name %}
    {% if at_least is none and at_most is none %}
        {{ exceptions.raise_compiler_error(place ~ ": give at_least, at_most or both") }}
    {% endif %}
    {% for name, bound in {'at_least': at_least, 'at_most': at_most}.items() %}
        {% if bound is not none and (bound is not number or bound is boolean) %}
            {{ exceptions.raise_compiler_error(place ~ ": " ~ name ~ " is '" ~ bound ~ "'; it takes a number") }}
        {% endif %}
    {% endfor %}
    {% if at_least is not none and at_most is not none and at_least > at_most %}
        {{ exceptions.raise_compiler_error(
            place ~ ": at_least " ~ at_least ~ " is greater than at_most " ~ at_most
        ) }}
    {% endif %}
    {% set bounds = [] %}
    {% if at_least is not none %}{% do bounds.append('at least ' ~ at_least) %}{% endif %}
    {% if at_most is not none %}{% do bounds.append('at most ' ~ at_most) %}{% endif %}

    select
        {{ column_name }},
        count(*) as row_count,
        {{ dbt.concat([
            "'" ~ column_name ~ " is '",
            "cast(" ~ column_name ~ " as " ~ dbt.type_string() ~ ")",
            "' in '",
            "cast(count(*) as " ~ dbt.type_string() ~ ")",
            "' rows of " ~ (model.identifier or model) | replace("'", "''") ~ "; expected " ~ bounds | join(' and ') ~ "'",
        ]) }} as message
    from {{ model }}
    where
        {% if at_least is not none %}{{ column_name }} < {{ at_least }}{% endif %}
        {% if at_least is not none and at_most is not none %}or{% endif %}
        {% if at_most is not none %}{{ column_name }} > {{ at_most }}{% endif %}
    group by {{ column_name }}
{% endtest %}
