{#
  Parts of a week's served rows, as the segments of the back-test cut them: a list of {part, first_unit, last_unit, truth_days}.
  `truth_days` are those from a scoring until the truth of all rows of the part is known.

  outcome_parts(product): those of a product.
  parts_by(segment, bands, wait, longest): one part a band of a segment that counts days; the truth of its last day is known
  `wait` days after it, no day is further away than `longest`.

  Example: 'parts': parts_by('horizon_days', horizon_bands, wait=1, longest=90)
#}
{% macro outcome_parts(product) %}
    {{ return(product.get('parts') or [{'part': 'all', 'first_unit': 0, 'last_unit': 0, 'truth_days': product.truth_days}]) }}
{% endmacro %}

{% macro parts_by(segment, bands, wait, longest) %}
    {% set found = [] %}
    {% for band in bands if band.first <= longest %}
        {% set last = longest if band.last is none else [band.last, longest] | min %}
        {% do found.append({
            'part': segment ~ '=' ~ band.name, 'first_unit': band.first, 'last_unit': 36500 if band.last is none else band.last,
            'truth_days': last + wait,
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
