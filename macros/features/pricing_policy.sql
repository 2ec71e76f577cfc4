{#
  The price change of pricing_recommendations, a fraction of the current price, for bookings that go with
  exp(-slope * relative price): of the levels of var `pricing_steps` within var `pricing_largest_change` the one with the
  largest cautious revenue; 0 where the evidence is thin.

  Cautious revenue is what a change earns when the slope is `pricing_caution` standard deviations worse for it: smaller for
  a lower price, larger for a higher one (pessimism, as in Jin, Yang and Wang 2021). With elasticity e at the current price, a
  change of l multiplies revenue by (1 + l) * exp(-e * l). A level beats the next higher one where e is above
  ln((1 + higher) / (1 + lower)) / (higher - lower), so the best one is found by thresholds.

  Arguments
    elasticity  slope times relative price: percent of the bookings lost with one percent of the price, at the current one
    deviation   standard deviation of the elasticity

  Example: {{ pricing_policy('price_slope * price_to_market', 'price_slope_deviation * price_to_market') }}
#}
{% macro pricing_policy(elasticity, deviation) %}
    {% set largest = pricing_largest_change() %}
    {% set levels = [] %}
    {% for level in pricing_levels() | sort if level | abs <= largest %}
        {% do levels.append(level) %}
    {% endfor %}
    {% set caution = var('pricing_caution') %}
    case
        when {{ price_evidence_is_thin(elasticity, deviation) }} then cast(0 as double)
        {% for level in levels[:-1] %}
            when
                {{ elasticity }} {{ '-' if level < 0 else '+' }} {{ caution }} * {{ deviation }}
                > 100 * ln((100 + {{ levels[loop.index] }}e0) / (100 + {{ level }}e0)) / ({{ levels[loop.index] }} - {{ level }})
                then cast({{ level }} as double) / 100
        {% endfor %}
        when {{ elasticity }} is not null then cast({{ levels | last }} as double) / 100
    end
{% endmacro %}

{# Whether a market's slope is known too badly to move a price: its standard deviation is above half of it. #}
{% macro price_evidence_is_thin(slope, deviation) %}({{ deviation }} > 0.5 * {{ slope }}){% endmacro %}
