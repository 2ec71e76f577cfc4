{#
  A table has exactly one row. Takes no arguments.

  Fails with one row: row_count, message.

  Example
    data_tests:
      - has_one_row
#}
{% test has_one_row(model) %}
    select
        count(*) as row_count,
        {{ dbt.concat([
            "'" ~ (model.identifier or model) | replace("'", "''") ~ " has '",
            "cast(count(*) as " ~ dbt.type_string() ~ ")",
            "' rows; expected 1'",
        ]) }} as message
    from {{ model }}
    having count(*) <> 1
{% endtest %}
