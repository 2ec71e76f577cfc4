{#
  What an operator settles for all models, by name: the vars of the project, on a workspace else the environment variables of
  the process that compiles; what neither says is left out. A Python model is handed it in config.meta, as no variable reaches
  its job (python/wanderbricks_ml/surroundings.py). On a laptop it runs in dbt's own process, and reads them by itself.

  Raises a compiler error where score_on is neither workers nor driver, and where a key that signs or verifies models stands in the environment, from which no job could read it.

  Example: {% set told = surroundings() %}
#}
{% macro surroundings() %}
    {% set given = {
        'revision': [var('revision', ''), 'WANDERBRICKS_REVISION'],
        'experiments': [var('experiments', ''), 'MLFLOW_EXPERIMENT_FOLDER'],
        'studies': [var('studies', ''), 'WANDERBRICKS_STUDIES'],
        'registry_uri': [var('registry_uri', ''), 'MLFLOW_REGISTRY_URI'],
        'score_on': [var('score_on', ''), 'WANDERBRICKS_SCORE_ON'],
        'signing_scope': [var('signing_scope', ''), 'WANDERBRICKS_SIGNING_SCOPE'],
    } %}
    {% set told = {} %}
    {% for name, (value, variable) in given.items() %}
        {% set value = value or (env_var(variable, '') if target.type == 'databricks' else '') %}
        {% if value %}
            {% do told.update({name: value | string}) %}
        {% endif %}
    {% endfor %}
    {% if told.get('score_on', 'workers') not in ['workers', 'driver'] %}
        {% do exceptions.raise_compiler_error("var score_on is '" ~ told.score_on ~ "'; it takes workers or driver") %}
    {% endif %}
    {% if target.type == 'databricks' and 'signing_scope' not in told %}
        {% for variable in ['WANDERBRICKS_SIGNING_KEY', 'WANDERBRICKS_VERIFY_KEY'] if env_var(variable, '') %}
            {% do exceptions.raise_compiler_error(
                variable ~ ' is set, but it reaches no job of a workspace, whose models would stay unsigned: put the keys into a '
                ~ "secret scope and name it, --vars 'signing_scope: …'"
            ) %}
        {% endfor %}
    {% endif %}
    {{ return(told) }}
{% endmacro %}
