{#
  The price change of pricing_recommendations, a fraction of the current price, for bookings that go with
  exp(-slope * relative price): the level of var `pricing_steps` with the largest expected revenue, or 0 where the evidence
  does not carry it.

  With elasticity e at the current price, a change of l multiplies expected revenue by (1 + l) * exp(-e * l). A level beats the
  next higher one where e is above ln((1 + higher) / (1 + lower)) / (higher - lower), so the best one is found by thresholds.

  Arguments
    elasticity  slope times relative price: percent of the bookings lost with one percent of the current price, at that price
    deviation   standard deviation of the elasticity

  Example: {{ pricing_policy('slope * price_to_market', 'slope_deviation * price_to_market') }}
#}
{% macro pricing_policy(elasticity, deviation) %}
    case
        when {{ price_evidence_is_thin(elasticity, deviation) }} then cast(0 as double)
        {% for level in pricing_levels() | sort %}
            {% set change = 'cast(' ~ level ~ ' as double) / 100' %}
            {% if not loop.last %}
                when
                    {{ elasticity }} > ln((100 + {{ loop.nextitem }}e0) / (100 + {{ level }}e0)) / (({{ loop.nextitem }}e0 - {{ level }}e0) / 100)
            {% else %}
                when {{ elasticity }} is not null
            {% endif %}
            then
                case
                    when {{ price_gain_is_clear('ln(1 + ' ~ change ~ ') - ' ~ change ~ ' * ' ~ elasticity, deviation ~ ' * abs(' ~ change ~ ')') }}
                        then {{ change }}
                    else cast(0 as double)
                end
        {% endfor %}
    end
{% endmacro %}

{# Whether a market's slope is known too badly to move a price: its standard deviation is above half of it. #}
{% macro price_evidence_is_thin(slope, deviation) %}({{ deviation }} > 0.5 * {{ slope }}){% endmacro %}

{# Whether a gain (logarithm of the factor on revenue) is positive even when it is one standard deviation smaller. #}
{% macro price_gain_is_clear(gain, deviation) %}({{ gain }} - {{ deviation }} > 0){% endmacro %}
