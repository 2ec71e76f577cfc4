{#
  Every row of a table keeps the rules of its columns; all of them in one scan, so that a wide table costs one test.
  Nulls pass every rule but `key` and `required`. Rows say which column breaks which rule, how often, and an example.

  Arguments
    key           list of columns whose combination occurs once and which are never null
    required      list of further columns that are never null
    not_negative  list of columns that are 0 or more
    ranges        {column: [smallest, largest]}, both allowed; either may be null
    values        {column: [value, ...]}, the only ones allowed
    written       date column of a table that keeps history: a build that adds to the table looks at the rows from the
                  first date that it wrote on (macros/features/written_from.sql) and has looked at the others before. A
                  build of the whole table and `dbt test` look at all. A date must be part of the key, if one is given

  Example
    data_tests:
      - valid_rows:
          arguments:
            key: [property_id, feature_date]
            required: [bookings_7d]
            ranges: {weekday: [1, 7]}
            values: {split: [train, test]}
#}
{% test valid_rows(model, key=[], required=[], not_negative=[], ranges={}, values={}, written=none) %}
    {% set table = model.identifier or model.name or 'model' %}
    {% set place = 'valid_rows on ' ~ table ~ ': ' %}
    {% for name, given in {'key': key, 'required': required, 'not_negative': not_negative}.items() %}
        {% if given is string or given is mapping or given is not iterable %}
            {{ exceptions.raise_compiler_error(place ~ name ~ " is '" ~ given ~ "'; it takes a list of columns") }}
        {% endif %}
    {% endfor %}
    {% for name, given in {'ranges': ranges, 'values': values}.items() %}
        {% if given is not mapping %}
            {{ exceptions.raise_compiler_error(place ~ name ~ " is '" ~ given ~ "'; it takes {column: [...]}") }}
        {% endif %}
    {% endfor %}
    {% set rules = [] %}
    {% for column in key + required %}
        {% do rules.append({'column': column, 'broken': column ~ ' is null', 'says': 'a value is required'}) %}
    {% endfor %}
    {% for column in not_negative %}
        {% do rules.append({'column': column, 'broken': column ~ ' < 0', 'says': 'at least 0 is allowed'}) %}
    {% endfor %}
    {% for column, bounds in ranges.items() %}
        {% if bounds is string or bounds is mapping or bounds is not iterable or bounds | length != 2 or bounds == [none, none] %}
            {{ exceptions.raise_compiler_error(
                place ~ "the range of " ~ column ~ " is '" ~ bounds ~ "'; it takes [smallest, largest], one may be null"
            ) }}
        {% endif %}
        {% for bound in bounds if bound is not none %}
            {% set comparison = '<' if loop.index0 == 0 and bounds[0] is not none else '>' %}
            {% if bound is not number or bound is boolean %}
                {{ exceptions.raise_compiler_error(place ~ "a bound of " ~ column ~ " is '" ~ bound ~ "'; it takes a number") }}
            {% endif %}
            {% do rules.append({
                'column': column,
                'broken': column ~ ' ' ~ comparison ~ ' ' ~ bound,
                'says': ('at least ' if comparison == '<' else 'at most ') ~ bound ~ ' is allowed',
            }) %}
        {% endfor %}
    {% endfor %}
    {% for column, allowed in values.items() %}
        {% set literals = [] %}
        {% for value in allowed %}
            {% do literals.append("'" ~ value | replace("'", "''") ~ "'" if value is string else value) %}
        {% endfor %}
        {% do rules.append({
            'column': column,
            'broken': column ~ ' not in (' ~ literals | join(', ') ~ ')',
            'says': 'allowed are ' ~ allowed | join(', '),
        }) %}
    {% endfor %}
    {% if not rules %}
        {{ exceptions.raise_compiler_error(place ~ 'give key, required, not_negative, ranges or values') }}
    {% endif %}
    {% if written and key and written not in key %}
        {{ exceptions.raise_compiler_error(place ~ "written is '" ~ written ~ "'; it takes a date column of the key") }}
    {% endif %}
    {% set since = written_from(model) if written %}
    {% set text = dbt.type_string() %}

    with measured as (

        select
            {% for rule in rules %}
                count(*) filter (where {{ rule.broken }}) as rows_{{ loop.index }},
                min(case when {{ rule.broken }} then cast({{ rule.column }} as {{ text }}) end) as example_{{ loop.index }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ model }}
        {% if since %}where {{ written }} >= {{ since }}{% endif %}

    ),

    rules as (

        {% for rule in rules %}
            select
                {{ loop.index }} as rule_number,
                '{{ table }}.{{ rule.column }}' as column_name,
                '{{ rule.says | replace("'", "''") }}' as allowed
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    judged as (

        select
            rules.column_name,
            rules.allowed,
            case rules.rule_number
                {% for rule in rules %}when {{ loop.index }} then measured.rows_{{ loop.index }} {% endfor %}
            end as row_count,
            case rules.rule_number
                {% for rule in rules %}when {{ loop.index }} then measured.example_{{ loop.index }} {% endfor %}
            end as example
        from rules
        cross join measured

    )

    select
        column_name || ' is ' || coalesce(example, 'null') || ' in ' || cast(row_count as {{ text }}) || ' rows; '
        || allowed as message
    from judged
    where row_count > 0
    {% if key %}
        union all
        select
            '{{ table }}: the key {{ key | join(', ') }} is not unique, '
            || cast(count(*) as {{ text }}) || ' times, such as '
            || min({% for column in key %}coalesce(cast({{ column }} as {{ text }}), 'null'){{ " || ', ' || " if not loop.last }}{% endfor %}) as message
        from (
            select {{ key | join(', ') }}
            from {{ model }}
            {% if since %}where {{ written }} >= {{ since }}{% endif %}
            group by {{ key | join(', ') }}
            having count(*) > 1
        ) as repeated
        having count(*) > 0
    {% endif %}
{% endtest %}
