{#
  Two-sided p-value of a standard normal deviate: the chance of one at least as far from 0. Rational approximation of
  Hart et al. (1968, no. 5666) as given by West (2005), "Better approximations to cumulative normal functions"; absolute
  error below 1e-15, relative below 1e-8 out to 12 deviations.

  Argument: a column, since it is named many times.

  Example: {{ normal_p_value('z') }}
#}
{% macro normal_p_value(z) -%}
    {%- set x = 'abs(' ~ z ~ ')' -%}
    {%- set numerator = namespace(sql='3.52624965998911e-2') -%}
    {%- for coefficient in [
        '7.00383064443688e-1', '6.37396220353165e0', '3.3912866078383e1', '1.12079291497871e2', '2.21213596169931e2',
        '2.20206867912376e2',
    ] -%}
        {%- set numerator.sql = '(' ~ numerator.sql ~ ' * ' ~ x ~ ' + ' ~ coefficient ~ ')' -%}
    {%- endfor -%}
    {%- set denominator = namespace(sql='8.83883476483184e-2') -%}
    {%- for coefficient in [
        '1.75566716318264e0', '1.6064177579207e1', '8.67807322029461e1', '2.96564248779674e2', '6.37333633378831e2',
        '7.93826512519948e2', '4.40413735824752e2',
    ] -%}
        {%- set denominator.sql = '(' ~ denominator.sql ~ ' * ' ~ x ~ ' + ' ~ coefficient ~ ')' -%}
    {%- endfor -%}
    {%- set fraction = namespace(sql='(' ~ x ~ ' + 0.65e0)') -%}
    {%- for step in [4, 3, 2, 1] -%}
        {%- set fraction.sql = '(' ~ x ~ ' + ' ~ step ~ ' / ' ~ fraction.sql ~ ')' -%}
    {%- endfor -%}
    2 * exp(-{{ x }} * {{ x }} / 2) * case
        when {{ x }} < 7.07106781186547e0 then {{ numerator.sql }} / {{ denominator.sql }}
        else 1 / (2.506628274631e0 * {{ fraction.sql }})
    end
{%- endmacro %}
