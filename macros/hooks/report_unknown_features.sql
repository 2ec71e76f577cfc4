{#
  on-run-end: one line for each version that serves without a feature that its product now has, and the command that fits
  one with it. What a version was fitted on stands in drift_reference, once a build has measured its drift.

  Example: on-run-end: "{{ report_unknown_features(results) }}"
#}
{% macro report_unknown_features(results) %}
    {% set built = [] %}
    {% for result in results if result.status == 'success' %}{% do built.append(result.node.name) %}{% endfor %}
    {% set champions = [] %}
    {% set features = {} %}
    {% for row in products() if row.product ~ '_champion' in built %}
        {% do champions.append(graph.nodes['model.' ~ project_name ~ '.' ~ row.product ~ '_champion'].relation_name) %}
        {% set meta = graph.nodes['model.' ~ project_name ~ '.' ~ row.model_name].config.meta %}
        {% set names = (meta.numeric or []) + (meta.categorical or []) %}
        {% for attribute in var('booking_attributes') if meta.attribute_prefix %}
            {% do names.append(meta.attribute_prefix ~ attribute) %}
        {% endfor %}
        {% do features.update({row.model_name: {'names': names, 'predictions': row.predictions}}) %}
    {% endfor %}
    {% set reference = graph.nodes['model.' ~ project_name ~ '.drift_reference'] if execute %}
    {% if champions and adapter.get_relation(reference.database, reference.schema, reference.alias) is not none %}
        {% set known = {} %}
        {% for row in run_query(features_of_serving_versions(champions, reference.relation_name)) %}
            {% do known.setdefault((row['model_name'], row['model_version'] | int), []).append(row['feature_name']) %}
        {% endfor %}
        {% for (model_name, version), fitted_on in known.items() %}
            {% set unknown = features[model_name].names | reject('in', fitted_on) | list %}
            {% if unknown %}
                {{ log(
                    model_name ~ ' v' ~ version ~ ' serves without ' ~ unknown | join(', ') ~ ', which it was not fitted on. '
                    ~ 'To fit a version that knows it: dbt build --select +' ~ features[model_name].predictions
                    ~ " --vars 'retrain: force'", info=true
                ) }}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
