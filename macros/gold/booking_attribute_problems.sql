{#
  What is wrong with the var `booking_attributes`: a list of lines as in gold_table_problems.

  Arguments
    columns  {name: data type} of fact_booking_detail as found, none when there is no such table

  Example: {% set problems = booking_attribute_problems({'booking_id': 'BIGINT'}) %}
#}
{% macro booking_attribute_problems(columns) %}
    {% set attributes = var('booking_attributes', []) %}
    {% if attributes is string or attributes is mapping or attributes is not iterable %}
        {{ return([
            "var booking_attributes: expected a list, found '" ~ attributes
            ~ "'; write --vars '{booking_attributes: [first, second]}'"
        ]) }}
    {% endif %}
    {% set contract = graph.sources.values()
        | selectattr('source_name', 'equalto', 'gold')
        | selectattr('name', 'equalto', 'fact_booking_detail') | map(attribute='columns') | first %}
    {% set problems = [] %}
    {% for attribute in attributes %}
        {% set name = 'fact_booking_detail.' ~ attribute %}
        {% if attribute | lower in contract %}
            {% do problems.append(
                name ~ ': expected a further column in var booking_attributes, found one of the contract; '
                ~ 'take it out of the var'
            ) %}
        {% elif columns is not none and attribute | lower not in columns %}
            {% do problems.append(
                name ~ ': expected by var booking_attributes, found no such column; add it, or take it '
                ~ 'out of the var'
            ) %}
        {% elif columns is not none %}
            {% set found = columns[attribute | lower] %}
            {% if not (type_fits(found, 'DOUBLE') or type_fits(found, 'BOOLEAN') or type_fits(found, 'STRING')) %}
                {% do problems.append(
                    name ~ ': expected a number, a boolean or text, found ' ~ found ~ '; cast it, or take it out of the var'
                ) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}
