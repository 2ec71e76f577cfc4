{#
  The rules that seed gold_policy may name, and what each takes as `low` and `high`: patterns of the whole text, so that
  nothing else reaches SQL. docs/gold.md says what they mean.

  of       `table` for rules on all of a table, whose column is `*`
  of_rows  whether single rows break the rule (broken_gold), not the table as a whole (broken_gold_table)
  type     where `*` stands for a column: data types of the contract that the rule is about

  Example: {% set kinds = gold_rule_kinds() %}
#}
{% macro gold_rule_kinds() %}
    {% set none_ = '' %}
    {% set number = '-?\\d+(\\.\\d+)?' %}
    {% set number_or_none = '(' ~ number ~ ')?' %}
    {% set day = '\\d{4}-\\d{2}-\\d{2}' %}
    {% set name = '[a-z_]\\w*' %}
    {% set place = name ~ '\\.' ~ name %}
    {% set text = '[\\w |-]*' %}
    {{ return({
        'not_null': {'low': none_, 'high': none_, 'type': '.*', 'of_rows': true},
        'finite': {'low': none_, 'high': none_, 'type': '(FLOAT|DOUBLE|DECIMAL).*', 'of_rows': true},
        'between': {'low': number_or_none, 'high': number_or_none, 'type': '(FLOAT|DOUBLE|DECIMAL|INT|BIGINT).*', 'of_rows': true},
        'times_median': {'low': number_or_none, 'high': number, 'type': '(FLOAT|DOUBLE|DECIMAL|INT|BIGINT).*', 'of_rows': true},
        'at_most': {'low': name, 'high': none_, 'type': '(FLOAT|DOUBLE|DECIMAL|INT|BIGINT).*', 'of_rows': true},
        'not_zero': {'low': none_, 'high': none_, 'type': '(FLOAT|DOUBLE|DECIMAL|INT|BIGINT).*', 'of_rows': true},
        'is': {'low': 'true|false', 'high': none_, 'type': 'BOOLEAN', 'of_rows': true},
        'one_of': {'low': text, 'high': none_, 'type': 'STRING', 'of_rows': true},
        'agrees': {'low': name, 'high': text, 'type': 'BOOLEAN', 'of_rows': true},
        'plausible_date': {'low': day, 'high': number_or_none, 'type': 'DATE|TIMESTAMP', 'of_rows': true},
        'not_in_future': {'low': none_, 'high': number, 'type': 'DATE|TIMESTAMP', 'of_rows': true},
        'after': {'low': name, 'high': none_, 'type': 'DATE|TIMESTAMP', 'of_rows': true},
        'not_before': {'low': name, 'high': number_or_none, 'type': 'DATE|TIMESTAMP', 'of_rows': true},
        'days_between': {'low': name, 'high': name, 'type': '(INT|BIGINT).*', 'of_rows': true},
        'relation': {'low': place, 'high': none_, 'type': '.*', 'of_rows': true},
        'in_seed': {'low': place, 'high': none_, 'type': 'STRING', 'of_rows': true},
        'same_as': {'low': name, 'high': name, 'type': '.*', 'of_rows': true},
        'one_open': {'low': none_, 'high': none_, 'type': 'TIMESTAMP', 'of_rows': true},
        'no_overlap': {'low': none_, 'high': none_, 'type': 'TIMESTAMP', 'of_rows': true},
        'no_gap': {'low': none_, 'high': number, 'type': 'TIMESTAMP', 'of_rows': true},
        'in_force': {'low': none_, 'high': none_, 'type': 'TIMESTAMP', 'of_rows': true},
        'first_begins': {'low': none_, 'high': number, 'type': 'TIMESTAMP', 'of_rows': true},
        'one_current': {'low': none_, 'high': none_, 'type': 'BOOLEAN', 'of_rows': true},
        'current_is_open': {'low': none_, 'high': none_, 'type': 'BOOLEAN', 'of_rows': true},
        'unique': {'low': none_, 'high': none_, 'of': 'table'},
        'rows_at_least': {'low': '\\d+', 'high': none_, 'of': 'table'},
        'rows_kept': {'low': none_, 'high': none_, 'of': 'table'},
        'median_kept': {'low': none_, 'high': number, 'type': '(FLOAT|DOUBLE|DECIMAL|INT|BIGINT).*'},
        'no_single_value': {'low': none_, 'high': none_, 'type': '.*'},
        'newest_kept': {'low': '\\d+', 'high': none_, 'type': 'DATE|TIMESTAMP'},
        'not_alone': {'low': '\\d+', 'high': number, 'type': 'DATE|TIMESTAMP'},
        'adds_up': {'low': name, 'high': none_, 'type': '(INT|BIGINT).*'},
        'covers': {'low': place, 'high': '\\d+', 'type': 'DATE'},
    }) }}
{% endmacro %}
