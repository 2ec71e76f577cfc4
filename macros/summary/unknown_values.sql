{#
  What a failed `relationships` test found, in words: the values that the other table lacks, and what was perhaps meant.

  Argument
    test  node of the test

  Example: {% for message in unknown_values(result.node) %} …
#}
{% macro unknown_values(test) %}
    {% set messages, given = [], test.test_metadata.kwargs %}
    {% set parent = modules.re.findall("'(\\w+)'\\s*\\)", given.to)[0] %}
    {% set known = [] %}
    {% set seed = built_table(parent, 'seed') %}
    {% if seed %}
        {% for row in run_query('select distinct ' ~ given.field ~ ' as name from ' ~ seed ~ ' limit 200') %}
            {% do known.append(row['name'] | string) %}
        {% endfor %}
    {% endif %}
    {% for row in run_query('select distinct from_field from (' ~ test.compiled_code ~ ') as failed limit 20') %}
        {% set nearest = nearest_name(row['from_field'] | string, known) if known %}
        {% do messages.append(
            test.attached_node.split('.')[-1] ~ '.' ~ given.column_name ~ ' is ' ~ row['from_field'] ~ ', which ' ~ parent ~ '.'
            ~ given.field ~ ' does not have' ~ ("; did you mean '" ~ nearest ~ "'?" if nearest else '')
        ) %}
    {% endfor %}
    {{ return(messages) }}
{% endmacro %}
