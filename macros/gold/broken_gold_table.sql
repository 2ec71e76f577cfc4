{#
  What a rule of seed gold_policy means that is about more than single rows.

  Arguments
    rule    a row of gold_rules(table, policy)
    number  its number among those of the table
    table   source node from `graph.sources`
    known   what the last good build has left, see gold_memory; none for what is accepted as it is
    span    what gold_span() found: oldest, newest, alone_from, alone_rows, requested, as_of

  Returns a dict
    failures  aggregate over the table
    of        what the failures are a share of, likewise; none: any failure is all
    extra     query of one row, or none; where there is one, `failures`, `of` and `whole` read its columns and `counted`
    counted   aggregate over the table with its name, for `extra`
    whole     SQL text that says what is wrong, in the place of `5 of 100 rows (5 %) …`; none where that will do
    says, todo, quiet  as in broken_gold

  Example: {% set meant = broken_gold_table(rule, 1, table, known, span) %}
#}
{% macro broken_gold_table(rule, number, table, known, span) %}
    {% set relation = gold(table.name) %}
    {% set c = rule.column_name %}
    {% set kind = rule.rule %}
    {% set text = dbt.type_string() %}
    {% set rows_text = 'cast(count(*) as ' ~ text ~ ')' %}
    {% set before = known.get(table.name ~ '.' ~ c ~ '.' ~ kind) %}
    {% set accept = ", or accept it with --vars '{accept_gold: true}'" %}
    {% set meant = {'of': 'count(*)', 'extra': none, 'counted': none, 'whole': none, 'quiet': true, 'says': ''} %}

    {% if kind == 'unique' %}
        {% set key = table.config.meta.key | join(', ') %}
        {% do meant.update({
            'extra': 'select coalesce(sum(copies - 1), 0) as repeated_rows from (select count(*) as copies from ' ~ relation
                ~ ' where ' ~ table.config.meta.key | join(' is not null and ') ~ ' is not null group by ' ~ key ~ ' having count(*) > 1) as repeated',
            'failures': 'repeated_rows', 'of': 'row_count', 'says': 'repeat the key ' ~ key, 'todo': 'leave one row of each', 'quiet': false,
        }) %}
    {% elif kind == 'rows_at_least' %}
        {% do meant.update({
            'failures': 'case when count(*) < ' ~ rule.low ~ ' then 1 else 0 end', 'of': none,
            'whole': "'found ' || " ~ rows_text ~ " || ' rows, expected at least " ~ rule.low ~ "'", 'todo': 'fill the table',
        }) %}
    {% elif kind == 'rows_kept' and before %}
        {% do meant.update({
            'failures': 'greatest(' ~ before ~ ' - count(*), 0)', 'of': before,
            'whole': "'found ' || " ~ rows_text ~ " || ' rows, and " ~ before ~ " in the last good build'",
            'todo': 'load the table whole' ~ accept, 'quiet': false,
        }) %}
    {% elif kind == 'median_kept' and modules.re.fullmatch('-?[0-9.]*[1-9][0-9.]*', before or '') %}
        {% set median = 'percentile_cont(0.5) within group (order by cast(' ~ c ~ ' as double))' %}
        {% set moved = median ~ ' > ' ~ rule.high ~ ' * ' ~ before ~ ' or ' ~ median ~ ' * ' ~ rule.high ~ ' < ' ~ before %}
        {% do meant.update({
            'failures': 'case when ' ~ moved ~ ' then 1 else 0 end', 'of': none,
            'whole': "'the median is ' || coalesce(" ~ number_text('round(' ~ median ~ ', 2)') ~ ", 'none') || ', and was " ~ before ~ " in the last good build'",
            'todo': 'look for another unit or currency' ~ accept,
        }) %}
    {% elif kind == 'no_single_value' %}
        {% do meant.update({
            'extra': 'select coalesce(max(copies), 0) as copies_' ~ number ~ ' from (select count(*) as copies from ' ~ relation ~ ' where ' ~ c
                ~ ' is not null group by ' ~ c ~ ') as values_' ~ number,
            'failures': 'case when row_count >= 100 then copies_' ~ number ~ ' else 0 end', 'of': 'row_count',
            'says': 'have one and the same value', 'todo': 'look at how the column is filled',
        }) %}
    {% elif kind == 'newest_kept' and before and not span.requested %}
        {% set newest = newest_day(c, span) %}
        {% do meant.update({
            'failures': "case when " ~ newest ~ " + " ~ rule.low ~ " < cast('" ~ before ~ "' as date) then 1 else 0 end", 'of': none,
            'whole': "'the newest is ' || coalesce(cast(" ~ newest ~ ' as ' ~ text ~ "), 'none') || ', and was " ~ before ~ " in the last good build'",
            'todo': 'load what is missing, name the day with var as_of' ~ accept,
        }) %}
    {% elif kind == 'not_alone' %}
        {% set counts = span.alone_from and not (span.requested and span.as_of <= span.alone_from) %}
        {% do meant.update({
            'failures': (span.alone_rows if counts else 0) ~ ' + 0 * count(*)', 'quiet': false,
            'says': 'lie on or after ' ~ span.alone_from ~ ', long after all others, and do not move as_of',
            'todo': 'mend them where gold is made, or name the day with var as_of',
        }) %}
    {% elif kind == 'adds_up' %}
        {% set other = gold(rule.low) %}
        {% do meant.update({
            'extra': 'select count(*) as rows_elsewhere from ' ~ other,
            'failures': 'abs(total - rows_elsewhere)', 'of': 'greatest(rows_elsewhere, 1)', 'counted': 'coalesce(sum(' ~ c ~ '), 0) as total',
            'whole': "'adds up to ' || cast(total as " ~ text ~ ") || ', and " ~ rule.low ~ " has ' || cast(rows_elsewhere as " ~ text ~ ") || ' rows'",
            'todo': 'load both tables whole', 'quiet': false,
        }) %}
    {% elif kind == 'covers' and span.newest %}
        {% do meant.update({
            'extra': "select count(distinct " ~ c ~ ") as days_there, cast(max(" ~ c ~ ") as " ~ text ~ ") as last_day, cast(min(" ~ c ~ ") as "
                ~ text ~ ") as first_day from " ~ relation ~ " where " ~ c ~ " >= cast('" ~ span.oldest ~ "' as date) and " ~ c
                ~ " < cast('" ~ span.as_of ~ "' as date) + " ~ rule.high,
            'failures': dbt.datediff("cast('" ~ span.oldest ~ "' as date)", "cast('" ~ span.as_of ~ "' as date)", 'day') ~ ' + ' ~ rule.high ~ ' - days_there',
            'of': none,
            'whole': "'lacks ' || cast(failures_" ~ number ~ " as " ~ text ~ ") || ' days between the first booking (" ~ span.oldest ~ ") and " ~ rule.high
                ~ " days after as_of (" ~ span.as_of ~ "); it goes from ' || coalesce(first_day, 'none') || ' to ' || coalesce(last_day, 'none')",
            'todo': 'write every day of that time into it', 'quiet': false,
        }) %}
    {% else %}
        {# nothing to hold it against yet #}
        {% do meant.update({'failures': '0 * count(*)', 'todo': ''}) %}
    {% endif %}
    {{ return(meant) }}
{% endmacro %}
