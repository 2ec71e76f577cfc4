{#
  What one rule of seed gold_policy means in SQL, and in words.

  Arguments
    rule    a row of gold_rules(table, policy)
    number  its number among those of the table, for names of joined columns
    column  the contract's column, or none where the rule is about the table or a column beyond the contract
    since   column with the day on which the thing of a versioned table came to the platform

  Returns a dict
    broken  condition on a row; null where the rule is about more than single rows (gold_table_rule)
    of      condition on the rows that the share is of; all where there is none
    says    what is wrong with the rows, after `5 of 100 rows (5 %) `
    todo    what to do
    quiet   whether nothing is said below the limit

  Example: {% set meant = broken_gold(rule, 1, table.columns['created_at'], 'created_at') %}
#}
{% macro broken_gold(rule, number, column, since) %}
    {% set c = rule.column_name %}
    {% set no_number = is_no_number(rule.table_name, c) %}
    {% set open = "(effective_to is null or effective_to >= cast('" ~ gold_today(1) ~ "' as date))" %}
    {% set kind = rule.rule %}
    {% set meant = {'todo': 'mend them where gold is made', 'quiet': false, 'of': none} %}

    {% if kind == 'not_null' %}
        {% set is_text = column and column.data_type == 'STRING' %}
        {% do meant.update({
            'broken': c ~ ' is null'
                ~ (' or lower(trim(' ~ c ~ ")) in ('', 'na', 'n/a', 'nan', 'null', 'none')" if is_text else ''),
            'says': 'are ' ~ ('null or empty' if is_text else 'null'), 'todo': 'fill them where gold is made',
        }) %}
    {% elif kind == 'finite' %}
        {% do meant.update({
            'broken': no_number, 'says': 'are NaN or infinite', 'todo': 'write the number, or null',
        }) %}
    {% elif kind == 'between' %}
        {% set outside = [] %}
        {% if rule.low %}{% do outside.append('cast(' ~ c ~ ' as double) < ' ~ rule.low) %}{% endif %}
        {% if rule.high %}{% do outside.append('cast(' ~ c ~ ' as double) > ' ~ rule.high) %}{% endif %}
        {% do meant.update({
            'broken': '(' ~ outside | join(' or ') ~ ') and not ' ~ no_number,
            'says': ('lie outside of ' ~ rule.low ~ ' to ' ~ rule.high) if rule.low and rule.high
                else ('lie below ' ~ rule.low if rule.low else 'lie above ' ~ rule.high),
        }) %}
    {% elif kind == 'times_median' %}
        {% set value = 'cast(' ~ c ~ ' as double)' %}
        {% set too_small = ' or ' ~ value ~ ' * ' ~ rule.low ~ ' < median_' ~ number if rule.low else '' %}
        {% do meant.update({
            'broken': '(' ~ value ~ ' > ' ~ rule.high ~ ' * median_' ~ number ~ too_small ~ ') and median_' ~ number ~ ' > 0 and not ' ~ no_number,
            'says': 'are more than ' ~ rule.high ~ ' times the median' ~ (', or less than one in ' ~ rule.low ~ ' of it' if rule.low else ''),
            'todo': 'look for another unit or currency',
        }) %}
    {% elif kind == 'at_most' %}
        {% do meant.update({'broken': c ~ ' > ' ~ rule.low, 'says': 'are more than ' ~ rule.low}) %}
    {% elif kind == 'not_zero' %}
        {% do meant.update({'broken': c ~ ' = 0', 'says': 'are 0', 'quiet': true}) %}
    {% elif kind == 'is' %}
        {% do meant.update({'broken': c ~ ' <> ' ~ rule.low, 'says': 'are not ' ~ rule.low, 'quiet': true}) %}
    {% elif kind == 'one_of' %}
        {% set allowed = [] %}
        {% for value in rule.low.split('|') %}{% do allowed.append(quoted(value | trim)) %}{% endfor %}
        {% do meant.update({
            'broken': c ~ ' not in (' ~ allowed | join(', ') ~ ')', 'says': 'are none of ' ~ rule.low | replace('|', ', '),
        }) %}
    {% elif kind == 'agrees' %}
        {% do meant.update({
            'broken': c ~ ' <> (' ~ rule.low ~ ' = ' ~ quoted(rule.high) ~ ')',
            'says': 'do not say the same as ' ~ rule.low ~ ' being ' ~ rule.high,
        }) %}
    {% elif kind == 'plausible_date' %}
        {% set too_late = " or " ~ c ~ " >= cast('" ~ gold_today(1 + rule.high | int) ~ "' as date)" if rule.high else '' %}
        {% do meant.update({
            'broken': c ~ " < cast('" ~ rule.low ~ "' as date)" ~ too_late,
            'says': 'lie before ' ~ rule.low ~ (' or after ' ~ gold_today(rule.high) if rule.high else ''),
        }) %}
    {% elif kind == 'not_in_future' %}
        {% do meant.update({
            'broken': c ~ " >= cast('" ~ gold_today(1 + rule.high | int) ~ "' as date)",
            'says': 'lie in the future (today is ' ~ gold_today() ~ ')',
            'todo': "mend them where gold is made, or this machine's clock",
        }) %}
    {% elif kind == 'after' %}
        {% do meant.update({'broken': c ~ ' <= ' ~ rule.low, 'says': 'are not after ' ~ rule.low}) %}
    {% elif kind == 'not_before' %}
        {% set days = rule.high | int %}
        {% do meant.update({
            'broken': 'cast(' ~ c ~ ' as date) + ' ~ days ~ ' < cast(' ~ rule.low ~ ' as date)' if days else c ~ ' < ' ~ rule.low,
            'says': 'lie ' ~ ('more than ' ~ days ~ ' days ' if days else '') ~ 'before ' ~ rule.low,
        }) %}
    {% elif kind == 'days_between' %}
        {% do meant.update({
            'broken': c ~ ' <> ' ~ dbt.datediff('cast(' ~ rule.low ~ ' as date)', 'cast(' ~ rule.high ~ ' as date)', 'day'),
            'says': 'are not the days from ' ~ rule.low ~ ' to ' ~ rule.high,
        }) %}
    {% elif kind == 'relation' %}
        {% do meant.update({
            'broken': c ~ ' is not null and known_' ~ number ~ ' is null', 'says': 'are in no row of ' ~ rule.low,
            'todo': 'load ' ~ rule.low.split('.')[0] ~ ' whole, or leave the rows out',
        }) %}
    {% elif kind == 'in_seed' %}
        {% set seed = rule.low.split('.')[0] %}
        {% do meant.update({
            'broken': c ~ ' is not null and known_' ~ number ~ ' is null' if built_table(seed, kind='seed') else '1 = 0',
            'says': 'are not in seeds/' ~ seed ~ '.csv', 'todo': 'add their rows, or know that they go without ' ~ seed,
        }) %}
    {% elif kind == 'same_as' %}
        {% do meant.update({
            'broken': c ~ ' is not null and known_' ~ number ~ ' is null',
            'says': 'are not what ' ~ rule.high ~ ' has of their ' ~ rule.low, 'todo': 'load both tables from one moment',
        }) %}
    {% elif kind == 'one_open' %}
        {% do meant.update({
            'broken': open ~ ' and next_from is not null', 'says': 'are open although a later version follows',
            'todo': 'end a version where the next one begins',
        }) %}
    {% elif kind == 'no_overlap' %}
        {% do meant.update({
            'broken': 'not ' ~ open ~ ' and effective_to > next_from', 'says': 'end after the next version has begun',
            'todo': 'end a version where the next one begins',
        }) %}
    {% elif kind == 'no_gap' %}
        {% do meant.update({
            'broken': 'cast(effective_to as date) + ' ~ rule.high ~ ' < cast(next_from as date)',
            'says': 'end more than ' ~ rule.high ~ ' days before the next version begins',
            'todo': 'end a version where the next one begins',
        }) %}
    {% elif kind == 'in_force' %}
        {% do meant.update({
            'broken': 'next_from is null and not ' ~ open, 'of': 'next_from is null',
            'says': 'have ended, and no version follows', 'quiet': true,
            'todo': 'leave effective_to empty where a version is in force',
        }) %}
    {% elif kind == 'first_begins' %}
        {% do meant.update({
            'broken': 'version_number = 1 and cast(effective_from as date) > ' ~ since ~ ' + ' ~ rule.high, 'of': 'version_number = 1',
            'says': 'are first versions that begin more than ' ~ rule.high ~ ' days after ' ~ since
                ~ ', and what they say is taken for known since then',
            'todo': 'load the earlier versions, or know that history is seen with later values',
        }) %}
    {% elif kind == 'one_current' %}
        {% do meant.update({'broken': c ~ ' and current_versions > 1', 'says': 'are true beside another current version'}) %}
    {% elif kind == 'current_is_open' %}
        {% do meant.update({
            'broken': c ~ ' <> (' ~ open ~ ' and next_from is null)', 'says': 'do not say whether the version is the one in force',
        }) %}
    {% endif %}
    {{ return(meant) }}
{% endmacro %}
