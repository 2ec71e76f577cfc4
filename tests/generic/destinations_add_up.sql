{#
  On a table of forecasts with the columns forecast_level and destination_id: the level `destination` adds up to the
  level `total`, to a millionth, or to the half cent by which each published amount is rounded.

  Arguments
    amount  column to add up
    by      list of columns within which it adds up

  Fails with rows of: message.

  Example
    data_tests:
      - destinations_add_up:
          arguments: {amount: forecast_revenue, by: [scoring_date, forecast_date]}
#}
{% test destinations_add_up(model, amount, by) %}
    {% if amount is not string or by is string or by is mapping or by is not iterable %}
        {{ exceptions.raise_compiler_error(
            "destinations_add_up on " ~ (model.identifier or model) ~ ": amount takes a column, by a list of columns"
        ) }}
    {% endif %}
    with sums as (

        select
            {{ by | join(', ') }},
            sum(case when forecast_level = 'total' then {{ amount }} else 0 end) as whole,
            sum(case when forecast_level = 'destination' then {{ amount }} else 0 end) as parts,
            count(*) as amounts
        from {{ model }}
        group by {{ by | join(', ') }}

    )

    select
        {% for column in by %}'{{ column }} ' || cast({{ column }} as {{ dbt.type_string() }}) || ' ' || {% endfor %}
        'adds up to ' || {{ number_text('parts') }} || ', the total is ' || {{ number_text('whole') }} as message
    from sums
    where abs(whole - parts) > greatest(1e-6 * greatest(abs(whole), 1), 0.005 * amounts)
{% endtest %}
