{#
  Compares the gold layer with models/gold/_gold.yml before anything is built, and raises one
  compiler error that lists everything that does not fit: tables, columns, types, missing rows,
  and columns named by the var `booking_attributes`. Where what is to be built reads gold and gold_checks is not among it,
  the rules of seed gold_policy are held against gold here, if the seed is there; in a job, what its task `shared` has just found
  of them counts. Renders nothing.

  With var `gold: samples` the raw tables are compared with models/gold/_samples.yml instead: gold, whose contract the models
  keep, is yet to be made of them.

  Example: on-run-start: "{{ check_gold() }}"
#}
{% macro check_gold() %}
    {% if not execute and from_samples() %}
        {# what a hook reads, dbt wants to know while it parses #}
        {% for name in gold_contract() %}{% do ref(name) %}{% endfor %}
    {% endif %}
    {% if not execute or flags.WHICH not in ('run', 'build', 'test') %}
        {{ return('') }}
    {% endif %}
    {% set contract = 'samples' if from_samples() else 'gold' %}
    {% if flags.EMPTY and selects_snapshots() and built_table('user_states', kind='snapshot') %}
        {# what raw does not have any more has ended #}
        {% do exceptions.raise_compiler_error(
            '--empty would end every version of users, hosts and properties; nothing was built: build into another database or schema'
        ) %}
    {% endif %}
    {% set tables = graph.sources.values() | selectattr('source_name', 'equalto', contract) | list %}
    {% set columns = {} %}
    {% set problems = [] %}
    {% if var('gold') not in ('tables', 'samples') %}
        {% do exceptions.raise_compiler_error("var gold is '" ~ var('gold') ~ "'; it may be tables or samples") %}
    {% endif %}
    {% set unreadable = unreadable_gold() %}
    {% for table in tables if '*' not in unreadable %}
        {% set relation = adapter.get_relation(table.database, table.schema, table.identifier) %}
        {% if relation is not none %}
            {% set found = {} %}
            {% for column in adapter.get_columns_in_relation(relation) %}
                {% do found.update({column.name | lower: column.dtype}) %}
            {% endfor %}
            {% do columns.update({table.name: found}) %}
        {% endif %}
        {% if table.name in unreadable %}
            {% do problems.append(table.name ~ ': expected a table, ' ~ unreadable[table.name]) %}
        {% else %}
            {% do problems.extend(gold_table_problems(table, columns.get(table.name))) %}
        {% endif %}
    {% endfor %}
    {% if not columns and unreadable.keys() | reject('equalto', '*') | list | length == 0 %}
        {# one wrong place, not a problem of each table #}
        {% set problems = [
            'expected the tables ' ~ tables | map(attribute='name') | join(', ') ~ ', found none: '
            ~ unreadable.get('*', 'none lies in ' ~ gold_folder()) ~ '; ' ~ gold_setting()
        ] %}
    {% endif %}
    {% if from_samples() %}
        {% set columns = gold_contract() %}
    {% endif %}
    {# for is_no_number #}
    {% do graph.update({'gold_columns': columns}) %}
    {% do problems.extend([] if not columns else booking_attribute_problems(columns.get('fact_booking_detail'))) %}
    {% if problems %}
        {% do exceptions.raise_compiler_error(
            contract ~ ' does not fit models/gold/_' ~ contract ~ '.yml; nothing was built:\n  ' ~ problems | join('\n  ')
        ) %}
    {% endif %}
    {% if flags.WHICH in ('run', 'build') and not flags.EMPTY and gold_goes_unchecked() and gold_is_there() %}
        {% set checks = gold_checked_in_job() %}
        {% set policy = gold_policy() if not checks %}
        {% do report_gold(checks or '(' ~ gold_checks_query(policy) ~ ') as checks') if checks or policy %}
    {% endif %}
    {{ return('') }}
{% endmacro %}

{# Whether this run looks for new versions. #}
{% macro selects_snapshots() %}
    {% for selected in selected_resources if selected.startswith('snapshot.') %}
        {{ return(true) }}
    {% endfor %}
    {{ return(false) }}
{% endmacro %}

{# Whether this run builds something from gold without gold_checks. #}
{% macro gold_goes_unchecked() %}
    {% set checks = 'model.' ~ project_name ~ '.gold_checks' %}
    {% if checks in selected_resources %}
        {{ return(false) }}
    {% endif %}
    {% for selected in selected_resources if selected.startswith('model.') and checks in ancestors(selected) %}
        {{ return(true) }}
    {% endfor %}
    {{ return(false) }}
{% endmacro %}
