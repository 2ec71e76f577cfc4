{#
  The parts that the files <product>_outcomes have in common.

  served_in_weeks(product): rows of the public table that outcome_weeks has news of, with the columns that the declaration
  names under `served`, scoring_date, model_version, served_key (as macro `served_key` has it), and of outcome_weeks week_start,
  part, first_unit, last_unit, truth_days.

  bookings_of_weeks(): bookings that can be the truth of such rows.

  following_bookings(served): of rows that wait truth_days for what is booked from their scoring on: those bookings, once a
  scoring_date, with the day from which they are all known.

  outcome_rows(relation, product, columns): those rows with their truth, in the shape that served_outcomes has. `relation` has
  week_start, part, model_version and the declared label, prediction and baseline; `columns` says {column of the shape:
  expression}, what is not named is null.

  Example: models/demand/demand_outcomes.sql
#}
{% macro served_in_weeks(product) %}
    {% set columns = ['scoring_date', 'model_version'] + product.served %}
    select
        predictions.{{ columns | join(',\n        predictions.') }},
        weeks.week_start,
        weeks.part,
        weeks.first_unit,
        weeks.last_unit,
        weeks.truth_days,
        {{ served_key(product) }} as served_key
    {% set read = columns + (product.public_key | reject('in', columns) | list) %}
    from ({{ ref_if_built(product.predictions, read, later=read) }}) as predictions
    inner join {{ ref('outcome_weeks') }} as weeks
        on weeks.model_name = '{{ product.model_name }}'
        and {{ monday_of('predictions.scoring_date') }} = weeks.week_start
    where predictions.scoring_date <= (select as_of_date from {{ ref('point_in_time') }})
{% endmacro %}

{% macro bookings_of_weeks() %}
    select *
    from {{ ref('stg_bookings') }}
    where greatest(created_date, check_in_date) >= (select min(week_start) - 1 from {{ ref('outcome_weeks') }})
{% endmacro %}

{% macro following_bookings(served) %}
    select
        days.scoring_date,
        days.scoring_date + days.truth_days as known_date,
        bookings.*
    from (
        select distinct
            scoring_date,
            truth_days
        from {{ served }}
    ) as days
    inner join ({{ bookings_of_weeks() }}) as bookings
        on days.scoring_date <= bookings.created_date
        and days.scoring_date + days.truth_days > bookings.created_date
{% endmacro %}

{% macro outcome_rows(relation, product, columns) %}
    {% set shape = {
        'scoring_date': 'date', 'label_date': 'date', 'unit_id': 'bigint', 'item_id': 'bigint', 'group_id': 'bigint',
        'segment': dbt.type_string(), 'prediction': 'double', 'baseline': 'double', 'lower_80': 'double', 'upper_80': 'double',
        'is_called': 'boolean', 'label': 'double', 'served_key': dbt.type_string(),
    } %}
    {% for name in columns if name not in shape %}
        {{ exceptions.raise_compiler_error(
            product.product ~ "_outcomes names '" ~ name ~ "'; outcomes have " ~ shape | join(', ')
        ) }}
    {% endfor %}
    {% set given = {'prediction': judged_prediction(product), 'baseline': product.baseline, 'label': product.label} %}
    {% do given.update(columns) %}
    select
        '{{ product.model_name }}' as model_name,
        week_start,
        part,
        model_version,
        {% for name, type in shape.items() %}
            cast({{ given.get(name, 'null') }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ relation }}
{% endmacro %}
