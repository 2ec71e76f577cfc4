{#
  Whether values of the type `found` can be used where the contract has `declared`. Integers of any
  width are alike, as are decimals and floating-point numbers; an integer is a number as well.
  A timestamp is no date: comparing the two silently shifts days.

  Arguments
    found     data type as DuckDB or Spark names it
    declared  data type of the contract

  Example: {{ type_fits('INTEGER', 'BIGINT') }} is true
#}
{% macro type_fits(found, declared) %}
    {% set families = {
        'integer': 'u?(tiny|small|big|huge)int|u?integer|int|byte|short|long',
        'number': 'decimal|numeric|double|float|real',
        'timestamp': 'timestamp',
        'date': 'date',
        'text': 'string|varchar|char|text|uuid|enum',
        'boolean': 'bool(ean)?',
    } %}
    {% set kinds = [] %}
    {% for type in (found, declared) %}
        {# Precision, enum values and time zone do not matter; a list type is left as it is. #}
        {% set name = modules.re.sub('(_| with |\\().*[^]]$', '', type | lower) %}
        {% for family, pattern in families.items() if modules.re.fullmatch(pattern, name) %}
            {% do kinds.append(family) %}
        {% else %}
            {% do kinds.append(type) %}
        {% endfor %}
    {% endfor %}
    {{ return(kinds[0] == kinds[1] or kinds == ['integer', 'number']) }}
{% endmacro %}
