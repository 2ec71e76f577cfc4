{#
  Query: what stands in the tables of products after a run, one row a version considered, or one where none was; no row of a
  product whose decision was never built.

  Argument
    touched  list of products_of_run

  Columns: product; of the decision as_of_date, fit_due, score_due, reason, evidence, not_learnable, next_due_date; of the
  champion table model_version, role, is_learnable, serves, passes, beats_baseline, metric_name, metric, baseline,
  missed_targets; of the newest scoring in the public table scoring_date, row_count, first_date and last_date; on_terminal.
#}
{% macro outcomes_of_products(touched) %}
    {% set state = built_table('model_state') %}
    {% for row in touched %}
        {% set decision = built_table(row.product ~ '_retraining') %}
        {% set champion = built_table(row.product ~ '_champion') %}
        {% set published = built_table(row.predictions) %}
        select
            '{{ row.product }}' as product,
            decision.as_of_date,
            decision.fit_due,
            decision.score_due,
            decision.reason,
            decision.evidence,
            decision.not_learnable,
            state.next_due_date,
            {% if champion %}
                champion.model_version,
                champion.role,
                champion.is_learnable,
                champion.serves,
                champion.passes,
                champion.beats_baseline,
                champion.metric_name,
                {{ number_text('champion.metric_value') }} as metric,
                {{ number_text('champion.baseline_value') }} as baseline,
                champion.missed_targets,
            {% else %}
                cast(null as int) as model_version,
                'none' as role,
                decision.not_learnable is null as is_learnable,
                false as serves,
                false as passes,
                false as beats_baseline,
                cast(null as {{ dbt.type_string() }}) as metric_name,
                cast(null as {{ dbt.type_string() }}) as metric,
                cast(null as {{ dbt.type_string() }}) as baseline,
                cast(null as {{ dbt.type_string() }}) as missed_targets,
            {% endif %}
            {% for column in ['scoring_date', 'first_date', 'last_date'] %}
                {{ 'published.' ~ column if published else 'cast(null as date) as ' ~ column }},
            {% endfor %}
            {{ 'published.row_count' if published else 'cast(0 as bigint) as row_count' }},
            {{ on_terminal() }} as on_terminal
        from {{ decision or '(' ~ no_rows({
            'model_name': dbt.type_string(), 'as_of_date': 'date', 'fit_due': 'boolean', 'score_due': 'boolean',
            'reason': dbt.type_string(), 'evidence': dbt.type_string(), 'not_learnable': dbt.type_string(),
        }) ~ ')' }} as decision
        left join (
            {% if state %}
                select
                    model_name,
                    next_due_date
                from {{ state }}
            {% else %}
                {{ no_rows({'model_name': dbt.type_string(), 'next_due_date': 'date'}) }}
            {% endif %}
        ) as state on decision.model_name = state.model_name
        {% if champion %}
            left join {{ champion }} as champion on true
        {% endif %}
        {% if published %}
            left join (
                select
                    scoring_date,
                    count(*) as row_count,
                    min({{ row.date or 'scoring_date' }}) as first_date,
                    max({{ row.date or 'scoring_date' }}) as last_date
                from {{ published }}
                where scoring_date = (select max(newest.scoring_date) from {{ published }} as newest)
                group by scoring_date
            ) as published on true
        {% endif %}
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
