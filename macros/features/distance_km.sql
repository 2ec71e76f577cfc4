{#
  Great-circle distance between two points in kilometres (haversine formula, a sphere of radius 6371 km).

  Arguments: latitudes and longitudes of the two points in degrees, expressions.
  Example: {{ distance_km('a.latitude', 'a.longitude', 'b.latitude', 'b.longitude') }}
#}
{% macro distance_km(latitude, longitude, other_latitude, other_longitude) -%}
    2 * 6371e0 * asin(sqrt(least(1e0,
        power(sin(radians({{ other_latitude }} - {{ latitude }}) / 2), 2)
        + cos(radians({{ latitude }})) * cos(radians({{ other_latitude }}))
        * power(sin(radians({{ other_longitude }} - {{ longitude }}) / 2), 2)
    )))
{%- endmacro %}
