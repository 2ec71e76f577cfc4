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
    {% for table in graph.sources.values() if table.source_name == 'gold' %}
        {% set relation = adapter.get_relation(table.database, table.schema, table.identifier) %}
        {% set columns = column_names(relation) if relation is not none else [] %}
        {% if 'user_id' in columns %}
            {% set of_user = ' from ' ~ relation ~ ' where ' ~ is_value('user_id', [user_id]) %}
            {% do in_gold.update({table.name: run_query('select count(*)' ~ of_user)[0][0] | int}) %}
            {% if 'booking_id' in columns %}
                {% for row in run_query('select distinct booking_id' ~ of_user) %}{% do bookings.append(row[0] | string) %}{% endfor %}
            {% endif %}
        {% endif %}
    {% endfor %}

    {% set removed = {} %}
    {% set views = [] %}
    {% for relation in tables_of_schema(ref('point_in_time')) %}
        {% set condition = is_of_person(column_names(relation), user_id, bookings) %}
        {% if condition and relation.type == 'view' %}
            {% do views.append(relation.identifier) %}
        {% elif condition %}
            {% set rows = run_query('select count(*) from ' ~ relation ~ ' where ' ~ condition)[0][0] | int %}
            {% if rows %}
                {% do removed.update({relation.identifier: rows}) %}
                {% if not dry_run %}
                    {% call statement('forgotten', auto_begin=true) %}delete from {{ relation }} where {{ condition }}{% endcall %}
                {% endif %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {# an operation commits nothing by itself #}
    {% if removed and not dry_run %}{% do adapter.commit() %}{% endif %}

    {% set versions = ref('model_versions') %}
    {{ log('forget: ' ~ tojson({
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

{% macro column_names(relation) %}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list) }}
{% endmacro %}
