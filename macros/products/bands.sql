{#
  Bands of whole numbers, written once as where each begins: a list of {first, last, name}.

  Arguments
    starts  first number of each band, ascending
    last    last number of the last band; none where it has no end
    name    text of a band, with its first and last number
    one     text of a band of one number
    open    text of a band without an end, with its first number

  Example: bands([1, 8, 15], last=30) names 01-07, 08-14 and 15-30.
#}
{% macro bands(starts, last=none, name='%02d-%02d', one=none, open=none) %}
    {% set found = [] %}
    {% for first in starts %}
        {% set end = last if loop.last else loop.nextitem - 1 %}
        {% do found.append({'first': first, 'last': end, 'name':
            open | format(first) if end is none else one | format(first) if one and end == first else name | format(first, end)
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{# The name of the band that a column's value lies in: an SQL expression; band_cases is its part between `case` and `end`. #}
{% macro band_name(column, bands) -%}
    case {{ band_cases(column, bands) }} end
{%- endmacro %}

{% macro band_cases(column, bands) -%}
    {%- for band in bands[:-1] %}when {{ column }} <= {{ band.last }} then '{{ band.name }}' {% endfor %}else '{{ bands[-1].name }}'
{%- endmacro %}

{# The segments of a product's metrics: {name: expression over the columns of its back-test}. #}
{% macro segments_of(product) %}
    {% set found = {} %}
    {% for segment in product.segments %}
        {% set banded = product.get('bands', {}).get(segment) %}
        {% do found.update({segment: band_name(banded.of, banded.bands) if banded and banded.of == segment else segment}) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
