{#
  Query: one row per rule of one gold table, with how many rows break it. The table is scanned once, whatever the number of
  rules; keys and relations are looked up in the columns that they need.

  Arguments
    table   source node from `graph.sources`
    rules   what gold_rules(table, policy) returns
    memory  what gold_memory() returns
    span    what gold_span() returns

  Example: {{ measured_gold(table, gold_rules(table, policy), gold_memory(), gold_span(policy)) }}
#}
{% macro measured_gold(table, rules, memory, span) %}
    {% set kinds = gold_rule_kinds() %}
    {% set text = dbt.type_string() %}
    {% set relation = gold(table.name) %}
    {% set meta = table.config.meta %}
    {% set known = {} if var('accept_gold', false) else memory %}
    {% set aggregates = ['count(*) as row_count'] %}
    {% set measures = [] %}
    {% set joins = [] %}
    {% set extras = [] %}
    {% set keeps = {} %}
    {% set lines = [] %}
    {% for rule in rules %}
        {% set n = loop.index %}
        {% set c = rule.column_name %}
        {% set of_rows = kinds[rule.rule].of_rows %}
        {% if of_rows %}
            {% set meant = broken_gold(rule, n, table.columns.get(c), meta.get('since')) %}
            {% do aggregates.append('count(*) filter (where ' ~ meant.broken ~ ') as failures_' ~ n) %}
            {% do aggregates.append('count(*)' ~ (' filter (where ' ~ meant.of ~ ')' if meant.of else '') ~ ' as of_' ~ n) %}
            {% if rule.rule == 'not_null' %}
                {% do aggregates.append('cast(null as ' ~ text ~ ') as example_' ~ n) %}
            {% else %}
                {% do aggregates.append('min(case when ' ~ meant.broken ~ ' then cast(' ~ c ~ ' as ' ~ text ~ ') end) as example_' ~ n) %}
            {% endif %}
            {% if rule.rule in ('relation', 'in_seed') %}
                {% set other = rule.low.split('.') %}
                {% set known_rows = gold(other[0]) if rule.rule == 'relation' else built_table(other[0], kind='seed') %}
                {% do joins.append(
                    'left join (select distinct ' ~ other[1] ~ ' as known_' ~ n ~ ' from ' ~ known_rows ~ ') as related_' ~ n
                    ~ ' on gold.' ~ c ~ ' = related_' ~ n ~ '.known_' ~ n
                ) if known_rows %}
            {% elif rule.rule == 'same_as' %}
                {% do joins.append(
                    'left join (select distinct ' ~ rule.low ~ ' as key_' ~ n ~ ', ' ~ c ~ ' as known_' ~ n ~ ' from ' ~ gold(rule.high)
                    ~ ') as related_' ~ n ~ ' on gold.' ~ rule.low ~ ' = related_' ~ n ~ '.key_' ~ n ~ ' and gold.' ~ c ~ ' = related_' ~ n ~ '.known_' ~ n
                ) %}
            {% elif rule.rule == 'times_median' %}
                {% do joins.append(
                    'cross join (select percentile_cont(0.5) within group (order by cast(' ~ c ~ ' as double)) as median_' ~ n ~ ' from ' ~ relation
                    ~ ') as middle_' ~ n
                ) %}
            {% endif %}
        {% else %}
            {% set meant = broken_gold_table(rule, n, table, known, span) %}
            {% set into = measures if meant.extra else aggregates %}
            {% do into.append(meant.failures ~ ' as failures_' ~ n) %}
            {% do into.append((meant.of or 'cast(null as bigint)') ~ ' as of_' ~ n) %}
            {% do into.append((meant.whole or 'cast(null as ' ~ text ~ ')') ~ ' as example_' ~ n) %}
            {% if meant.extra %}{% do extras.append('cross join (' ~ meant.extra ~ ') as extra_' ~ n) %}{% endif %}
            {% if meant.counted %}{% do aggregates.append(meant.counted) %}{% endif %}
            {% if rule.rule == 'rows_kept' %}
                {% do keeps.update({n: 'cast(row_count as ' ~ text ~ ')'}) %}
            {% elif rule.rule == 'median_kept' %}
                {% do aggregates.append('percentile_cont(0.5) within group (order by cast(' ~ c ~ ' as double)) as median_' ~ n) %}
                {% do keeps.update({n: number_text('median_' ~ n)}) %}
            {% elif rule.rule == 'newest_kept' %}
                {% do aggregates.append(newest_day(c, span) ~ ' as newest_' ~ n) %}
                {% do keeps.update({n: 'cast(newest_' ~ n ~ ' as ' ~ text ~ ')'}) %}
            {% endif %}
        {% endif %}
        {% do lines.append([
            n, quoted(c), quoted(rule.rule), rule.max_share, quoted(rule.severity), meant.get('whole') is not none, meant.quiet,
            quoted(meant.says), quoted(meant.todo), quoted(memory.get(table.name ~ '.' ~ c ~ '.' ~ rule.rule, '')),
        ] | join(', ')) %}
    {% endfor %}
    select
        {{ quoted(table.name) }} as table_name,
        rules.*,
        counts.row_count,
        {% for name in ('failures', 'of', 'example') %}
            case rules.number
                {% for rule in rules %}
                    when {{ loop.index }} then {{ name }}_{{ loop.index }}
                {% endfor %}
            end as {{ 'failures_of' if name == 'of' else name }},
        {% endfor %}
        {% if keeps %}
            case rules.number
                {% for number, kept in keeps.items() %}
                    when {{ number }} then {{ kept }}
                {% endfor %}
            end as good_now
        {% else %}
            cast(null as {{ text }}) as good_now
        {% endif %}
    from (
        select
            {{ (['counted.*'] + measures) | join(',\n            ') }}
        from (
            select
                {{ aggregates | unique | join(',\n                ') }}
            {% if meta.entity %}
                from (
                    select
                        *,
                        lead(effective_from) over (partition by {{ meta.entity }} order by effective_from, {{ meta.key[0] }}) as next_from,
                        row_number() over (partition by {{ meta.entity }} order by effective_from, {{ meta.key[0] }}) as version_number,
                        sum(case when is_current then 1 else 0 end) over (partition by {{ meta.entity }}) as current_versions
                    from {{ relation }}
                ) as gold
            {% else %}
                from {{ relation }} as gold
            {% endif %}
            {{ joins | join('\n            ') }}
        ) as counted
        {{ extras | join('\n        ') }}
    ) as counts
    cross join (
        values
            ({{ lines | join('),\n            (') }})
    ) as rules (number, column_name, rule, max_share, severity, is_whole, is_quiet, says, todo, good_before)
{% endmacro %}

{# The newest plausible day in a column of dates or moments. #}
{% macro newest_day(column, span) -%}
    max(case when {{ column }} < cast('{{ span.alone_from or gold_today(2) }}' as date) then cast({{ column }} as date) end)
{%- endmacro %}
