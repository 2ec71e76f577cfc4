{#
  A fraction in [0, 1) that depends only on whole numbers: the same on every engine and run, used to
  sample and to draw without a random generator. Two rounds of multiplication modulo a prime; the
  square keeps neighbouring keys apart.

  Arguments
    numbers  list of integer expressions
    salt     whole number: another salt, an independent draw

  Example: {{ hash_fraction(['property_id', day_number('check_in_date')], salt=1) }}
#}
{% macro hash_fraction(numbers, salt=0) %}
    {% set prime = 2147483647 %}
    {% set mixed = namespace(sql=(salt * 7919 + 12345) | string) %}
    {% for number in numbers %}
        {% set mixed.sql = '((' ~ mixed.sql ~ ' + (cast(' ~ number ~ ' as bigint) % ' ~ prime ~ ')) * 48271) % ' ~ prime %}
    {% endfor %}
    cast((((({{ mixed.sql }}) * ({{ mixed.sql }})) % {{ prime }}) * 69621) % {{ prime }} as double) / {{ prime }}
{% endmacro %}
