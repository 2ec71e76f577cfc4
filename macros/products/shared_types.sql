{#
  Types of the columns that the tables of all products have in common, so that no product's YAML repeats them: {column: type}.
  What each holds is described in models/products.md.

  Example: {% set type = shared_types()['model_version'] %}
#}
{% macro shared_types() %}
    {{ return({
        'as_of_date': 'date',
        'candidate_version': 'int',
        'fit_due': 'boolean',
        'reason': dbt.type_string(),
        'not_learnable': dbt.type_string(),
        'evidence': dbt.type_string(),
        'model_name': dbt.type_string(),
        'model_version': 'int',
        'run_id': dbt.type_string(),
        'model_uri': dbt.type_string(),
        'parameters': dbt.type_string(),
        'train_first_date': 'date',
        'train_last_date': 'date',
        'train_rows': 'bigint',
        'validation_rows': 'bigint',
        'fit_seconds': 'double',
        'artifact_digest': dbt.type_string(),
        'artifact_files': dbt.type_string(),
        'parent_version': 'int',
        'training_data_digest': dbt.type_string(),
        'code_revision': dbt.type_string(),
        'package_versions': dbt.type_string(),
        'fitted_at': 'timestamp',
        'recipe': dbt.type_string(),
        'train_labels_until': 'date',
        'refit_rows': 'bigint',
        'refit_last_date': 'date',
        'refit_labels_until': 'date',
        'refit_data_digest': dbt.type_string(),
        'split': dbt.type_string(),
        'segment': dbt.type_string(),
        'metric_name': dbt.type_string(),
        'metric_value': 'double',
        'baseline_value': 'double',
        'row_count': 'bigint',
        'role': dbt.type_string(),
        'is_learnable': 'boolean',
        'passes': 'boolean',
        'serves': 'boolean',
        'missed_targets': dbt.type_string(),
        'verdict': dbt.type_string(),
    }) }}
{% endmacro %}
