{#
  Run-operation behind `wanderbricks registry promote | rollback | archive | unpin`: appends a decision to
  registry_decisions, which the next build obeys. Refuses, with what to do instead, what no build could obey.

  Arguments
    model_name     registered model
    action         promote, rollback, archive or unpin
    reason         why, not empty
    model_version  version that it is about; rollback without one takes the version that served before the present one,
                   unpin takes none
    decided_by     who; environment WANDERBRICKS_USER or USER without it

  Example: dbt run-operation record_registry_decision
    --args '{model_name: demand_predictor, action: rollback, reason: "weekends are far off"}'
#}
{% macro record_registry_decision(model_name, action, reason, model_version=none, decided_by=none) %}
    {% if action not in ['promote', 'rollback', 'archive', 'unpin'] %}
        {{ refuse_decision("'" ~ action ~ "' is no action; it takes promote, rollback, archive or unpin") }}
    {% endif %}
    {% set decided_by = decided_by or env_var('WANDERBRICKS_USER', '') or env_var('USER', '') %}
    {% if not (reason or '') | trim %}
        {{ refuse_decision('a decision needs a reason; say why') }}
    {% endif %}
    {% if not decided_by | trim %}
        {{ refuse_decision('a decision needs a name; set WANDERBRICKS_USER') }}
    {% endif %}
    {% if model_version is not none and (model_version is not integer or action == 'unpin') %}
        {{ refuse_decision(action ~ ' does not take version ' ~ model_version) }}
    {% endif %}

    {% set models = {} %}
    {% if execute %}
        {% for row in run_query('select model_name, product, predictions_table from ' ~ ref('model_inventory')) %}
            {% do models.update({row['model_name']: row}) %}
        {% endfor %}
    {% endif %}
    {% if model_name not in models %}
        {{ refuse_decision("there is no model '" ~ model_name ~ "'; there are " ~ models | sort | join(', ')) }}
    {% endif %}
    {% set product = models[model_name]['product'] %}
    {% set wanted = [model_name, models[model_name]['predictions_table'], product ~ '_metrics', 'registry_decisions'] %}
    {% for name in wanted if adapter.get_relation(ref(name).database, ref(name).schema, ref(name).identifier) is none %}
        {{ refuse_decision('table ' ~ name ~ ' does not exist yet; run dbt build first') }}
    {% endfor %}

    {% set clock = ref('point_in_time') %}
    {% set decisions = ref('registry_decisions') %}
    {% set state = run_query(registry_state(model_name, ref(wanted[1]), decisions, clock))[0] %}
    {% set known = run_query(
        'select model_version, parent_version from ' ~ ref(model_name)
        ~ ' where as_of_date <= (select as_of_date from ' ~ clock ~ ') order by model_version'
    ) %}
    {% set parents = {} %}
    {% for row in known %}{% do parents.update({row['model_version'] | int: row['parent_version']}) %}{% endfor %}
    {% set archived = [] %}
    {% for row in run_query(archived_versions(decisions, clock)) if row['model_name'] == model_name %}
        {% do archived.append(row['model_version'] | int) %}
    {% endfor %}
    {% set serving = state['pinned_version'] if state['pinned_version'] is not none else state['reigning_version'] %}

    {% set chosen = namespace(version=model_version) %}
    {% if action == 'rollback' and model_version is none %}
        {% set chosen.version = state['previous_version'] %}
        {# the predictions of the day on which a version took over are its own, so its parent may have left no others #}
        {% if chosen.version is none and serving is not none %}
            {% set parent = parents.get(serving | int) %}
            {% set chosen.version = none if parent in archived else parent %}
        {% endif %}
        {% if chosen.version is none %}
            {{ refuse_decision(
                'no version of ' ~ model_name ~ ' served before ' ~ ('v' ~ serving if serving is not none else 'now')
                ~ '; name the one to roll back to'
            ) }}
        {% endif %}
        {% set chosen.version = chosen.version | int %}
    {% endif %}
    {% set said = model_name ~ ' v' ~ chosen.version %}

    {% if action == 'unpin' %}
        {% if state['pinned_version'] is none %}
            {{ refuse_decision(model_name ~ ' is not pinned') }}
        {% endif %}
    {% elif chosen.version is none %}
        {{ refuse_decision(action ~ ' needs a version of ' ~ model_name) }}
    {% elif chosen.version not in parents %}
        {{ refuse_decision(said ~ ' does not exist; there are ' ~ ('v' ~ parents | join(', v') if parents else 'none yet')) }}
    {% elif action == 'archive' %}
        {% if chosen.version in archived %}
            {{ refuse_decision(said ~ ' is archived already') }}
        {# the only one may go, such as one whose files are lost: the next build fits anew #}
        {% elif serving is not none and chosen.version == serving | int and parents | length > archived | length + 1 %}
            {{ refuse_decision(said ~ ' serves; promote another version or roll back first') }}
        {% endif %}
    {% else %}
        {% set evaluated = run_query(
            'select count(*) as rows_found from ' ~ ref(product ~ '_metrics')
            ~ " where split = 'test' and model_version = " ~ chosen.version
        ) %}
        {% if evaluated[0]['rows_found'] | int == 0 %}
            {{ refuse_decision(said ~ ' was never evaluated on test rows, so it cannot pass the gate; choose another') }}
        {% elif state['pinned_version'] is not none and chosen.version == state['pinned_version'] | int %}
            {{ refuse_decision(said ~ ' is pinned already') }}
        {% endif %}
    {% endif %}

    {# an operation commits nothing by itself #}
    {% call statement('recorded', auto_begin=true) %}{{
        'insert into ' ~ decisions
        ~ ' (decision_id, model_name, model_version, action, decided_by, decided_at, as_of_date, reason)'
        ~ ' select cast(coalesce((select max(decision_id) from ' ~ decisions ~ '), 0) + 1 as int), '
        ~ quoted(model_name) ~ ', ' ~ ('cast(null as int)' if chosen.version is none else chosen.version) ~ ', '
        ~ quoted(action) ~ ', ' ~ quoted(decided_by | trim) ~ ', cast(' ~ dbt.current_timestamp() ~ ' as timestamp), as_of_date, '
        ~ quoted(reason | trim) ~ ' from ' ~ clock
    }}{% endcall %}
    {% do adapter.commit() %}
    {{ log(
        'registry: ' ~ action ~ ' ' ~ (model_name if action == 'unpin' else said) ~ ', by ' ~ decided_by | trim ~ ': ' ~ reason | trim
        ~ '. It takes effect with the next dbt build', info=true
    ) }}
{% endmacro %}

{# One row: the version pinned, the one that served last, and the one that served before it, archived ones left out #}
{% macro registry_state(model_name, predictions, decisions, clock) %}
    with pins as (

        {{ pinned_versions(decisions, clock) }}

    ),

    served as (

        select
            predictions.model_version,
            max(predictions.scoring_date) as last_scoring_date
        from {{ predictions }} as predictions
        left join ({{ archived_versions(decisions, clock) }}) as archived
            on archived.model_name = '{{ model_name }}'
            and predictions.model_version = archived.model_version
        where predictions.scoring_date <= (select as_of_date from {{ clock }}) and archived.model_version is null
        group by predictions.model_version

    ),

    ranked as (

        select
            model_version,
            row_number() over (order by last_scoring_date desc, model_version desc) as recency
        from served

    )

    select
        max(case when ranked.recency = 1 then ranked.model_version end) as reigning_version,
        max(case when ranked.recency = 2 then ranked.model_version end) as previous_version,
        max(pins.pinned_version) as pinned_version
    from {{ clock }} as clock
    left join pins on pins.model_name = '{{ model_name }}'
    left join ranked on ranked.recency <= 2
{% endmacro %}

{% macro refuse_decision(why) %}
    {% if execute %}{{ exceptions.raise_compiler_error('registry: ' ~ why) }}{% endif %}
{% endmacro %}
