{#
  The products that a run touched, in the order of their names, each with what became of it: a list of

    product, model_name, predictions, date   as declared; the date is a column of the public table, or none
    statuses  of the product's nodes that the run selected, by name: success, error, skipped …
    stopped   the node or test that kept the product from being decided on or published, none where nothing did
    is_own    whether that is a node of the product itself
    lacks     the model that it reads and that was never built, none where it ended otherwise

  Empty while dbt parses, with --empty, and for a command that builds nothing.

  Argument
    results  of on-run-end
#}
{% macro products_of_run(results) %}
    {% set touched = [] %}
    {% if not execute or flags.EMPTY or flags.WHICH not in ('run', 'build', 'retry') %}
        {{ return(touched) }}
    {% endif %}
    {% set found = {} %}
    {% for result in results if result.node.resource_type == 'model' %}
        {% do found.update({result.node.name: result.status | string}) %}
    {% endfor %}
    {% for declared in products() %}
        {% set name = declared.product %}
        {% set statuses = {} %}
        {% for node in [
            name ~ '_retraining', declared.model_name, name ~ '_backtest', name ~ '_metrics', name ~ '_champion', name ~ '_scores',
            declared.predictions,
        ] if node in found %}
            {% do statuses.update({node: found[node]}) %}
        {% endfor %}
        {% if statuses %}
            {% set stop = namespace(name=none, own=false) %}
            {% for node, status in statuses.items() if status == 'error' and stop.name is none %}
                {% set stop.name, stop.own = node, true %}
            {% endfor %}
            {% if stop.name is none and 'skipped' in statuses.values() %}
                {% set upstream = ancestors('model.' ~ project_name ~ '.' ~ declared.predictions) %}
                {# a failed gate is no such stop: the champion table says what there is to say #}
                {% for result in results if result.status in ['error', 'fail'] and stop.name is none %}
                    {% set node = result.node %}
                    {% if node.unique_id in upstream or (
                        node.resource_type == 'test' and node.depends_on.nodes | select('in', upstream) | list
                        and node.test_metadata.name != 'serves_a_version_that_passes'
                    ) %}
                        {% set stop.name = node.name %}
                    {% endif %}
                {% endfor %}
            {% endif %}
            {% set lacking = namespace(parent=none) %}
            {% for result in results if stop.name and result.node.name == stop.name and result.status == 'error' %}
                {% set lacking.parent = unbuilt_parent(result) %}
            {% endfor %}
            {% do touched.append({
                'product': name, 'model_name': declared.model_name, 'predictions': declared.predictions,
                'date': declared.date if declared.date in declared.public_key else none,
                'statuses': statuses, 'stopped': stop.name, 'is_own': stop.own, 'lacks': lacking.parent,
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(touched) }}
{% endmacro %}
