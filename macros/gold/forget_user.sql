{#
  Run-operation behind `wanderbricks forget`: deletes the rows of a person from every table of our schema, those of their
  bookings too, all or none where the engine has transactions. Logs what it did, and what gold still holds, as JSON.

  Arguments
    user_id      the person
    booking_ids  bookings of theirs that gold no longer has
    dry_run      true: count only

  Example: dbt run-operation forget_user --args '{user_id: 7, dry_run: true}'
#}
{% macro forget_user(user_id, booking_ids=[], dry_run=false) %}
    {% set bookings = booking_ids | map('string') | list %}
    {% set in_gold = {} %}
    {% for table in graph.sources.values() if table.source_name == 'gold' and 'user_id' in table.columns %}
        {% set relation = adapter.get_relation(table.database, table.schema, table.identifier) %}
        {% if relation is not none %}
            {% set of_user = ' from ' ~ relation ~ ' where ' ~ is_value('user_id', [user_id]) %}
            {% do in_gold.update({table.name: run_query('select count(*)' ~ of_user)[0][0] | int}) %}
            {% if 'booking_id' in table.columns %}
                {% for row in run_query('select distinct booking_id' ~ of_user) %}{% do bookings.append(row[0] | string) %}{% endfor %}
            {% endif %}
        {% endif %}
    {% endfor %}

    {% set place = ref('point_in_time') %}
    {% set removed = {} %}
    {% set views = [] %}
    {% set tables = tables_of_schema(place) %}
    {# gold that is made here, of the raw sample schema #}
    {% for table in tables if table.name == 'fact_booking_detail' %}
        {% set made = api.Relation.create(place.database, place.schema, table.name) ~ ' where ' ~ is_value('user_id', [user_id]) %}
        {% for row in run_query('select distinct booking_id from ' ~ made) %}{% do bookings.append(row[0] | string) %}{% endfor %}
    {% endfor %}
    {% for table in tables %}
        {% set condition = is_of_person(table.columns, user_id, bookings) %}
        {% if condition and table.type != 'table' %}
            {% do views.append(table.name) %}
        {% elif condition %}
            {% set of_person = api.Relation.create(place.database, place.schema, table.name) ~ ' where ' ~ condition %}
            {% set rows = run_query('select count(*) from ' ~ of_person)[0][0] | int %}
            {% if rows %}
                {% do removed.update({table.name: rows}) %}
                {% if not dry_run %}
                    {% call statement('forgotten', auto_begin=true) %}delete from {{ of_person }}{% endcall %}
                {% endif %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {# an operation commits nothing by itself #}
    {% if removed and not dry_run %}{% do adapter.commit() %}{% endif %}

    {% set versions = ref('model_versions') %}
    {{ log('forget: ' ~ tojson({
        'place': place.without_identifier() | string,
        'tables': tables | length,
        'bookings': bookings,
        'removed': removed,
        'views': views,
        'in_gold': in_gold,
        'model_versions': run_query('select count(*) from ' ~ versions)[0][0] | int if is_built(versions) else 0,
        'engine': target.type,
    }), info=true) }}
{% endmacro %}

{# Which rows of a table with these columns are the person's; empty where it has none #}
{% macro is_of_person(columns, user_id, bookings) %}
    {% set conditions = [] %}
    {# queries of recommendations: a user's own has the user's number #}
    {% for name in ['user_id', 'query_id'] if name in columns %}
        {% do conditions.append(is_value(name, [user_id])) %}
    {% endfor %}
    {% if 'booking_id' in columns and bookings %}
        {% do conditions.append(is_value('booking_id', bookings)) %}
    {% endif %}
    {# units of experiments #}
    {% if 'unit' in columns and 'unit_id' in columns %}
        {% do conditions.append("(unit = 'user_id' and " ~ is_value('unit_id', [user_id]) ~ ')') %}
        {% if bookings %}
            {% do conditions.append("(unit = 'booking_id' and " ~ is_value('unit_id', bookings) ~ ')') %}
        {% endif %}
    {% endif %}
    {{ return(conditions | join(' or ')) }}
{% endmacro %}

{# As text: ids are numbers on one platform and UUIDs on another #}
{% macro is_value(column, values) %}
    {% set literals = [] %}
    {% for value in values %}{% do literals.append(quoted(value)) %}{% endfor %}
    {{ return('cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ') in (' ~ literals | join(', ') ~ ')') }}
{% endmacro %}
