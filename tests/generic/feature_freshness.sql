{#
  The newest date of a feature table lies at most `days` before the point in time. Dates after it do
  not count: a run for an earlier as_of leaves them in the table. A table without a date fails.

  Arguments
    days  whole number, 0 or more

  Fails with one row: newest_date, as_of_date, message.

  Example
    columns:
      - name: feature_date
        data_tests:
          - feature_freshness:
              arguments: {days: 7}
#}
{% test feature_freshness(model, column_name, days) %}
    {% if days is not integer or days is boolean or days < 0 %}
        {{ exceptions.raise_compiler_error(
            "feature_freshness on " ~ (model.identifier or model) ~ "." ~ column_name ~ ": days is '" ~ days
            ~ "'; it takes a whole number, 0 or more"
        ) }}
    {% endif %}
    {% set table = (model.identifier or model) | replace("'", "''") %}

    with clock as (

        select as_of_date from {{ ref('point_in_time') }}

    ),

    newest as (

        select
            clock.as_of_date,
            max(checked.{{ column_name }}) as newest_date
        from clock
        left join {{ model }} as checked on checked.{{ column_name }} <= clock.as_of_date
        group by clock.as_of_date

    ),

    final as (

        select
            newest_date,
            as_of_date,
            {{ dbt.concat([
                "'" ~ table ~ ": newest " ~ column_name ~ " is '",
                "coalesce(cast(newest_date as " ~ dbt.type_string() ~ "), 'missing')",
                "', as_of is '",
                "cast(as_of_date as " ~ dbt.type_string() ~ ")",
                "'; at most " ~ days ~ " days between them are allowed'",
            ]) }} as message
        from newest
        where newest_date is null or newest_date < as_of_date - {{ days }}

    )

    select * from final
{% endtest %}
