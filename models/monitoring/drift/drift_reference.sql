{{ config(
    materialized='incremental',
    unique_key=['model_name', 'model_version', 'feature_name', 'bin'],
    full_refresh=false
) }}

{% set text = dbt.type_string() %}
{% set parts = [] %}
{% set settled = settled_references(this) if is_incremental() else [] %}

-- read by every product that is built already, none where this is linted
with known as ( -- noqa: ST03

    {% if is_incremental() %}
        select distinct
            model_name,
            model_version,
            kind
        from {{ this }}
    {% else %}
        {{ no_rows({'model_name': text, 'model_version': 'int', 'kind': text}) }}
    {% endif %}

),

{% for row in products() %}
    {% set model_name, product = row.model_name, row.product %}
    {% set examples = ref(product ~ '_examples') %}
    {% set decision = ref(product ~ '_retraining') %}
    {% set versions = ref(model_name) %}
    {% set backtest = ref(product ~ '_backtest') %}
    {% set champion = ref(product ~ '_champion') %}
    {% set scores = ref(product ~ '_scores') %}
    {% set watched = monitored_columns(row, examples) %}
    {# the split `reference` is not backtested #}
    {% set kinds = {
        'feature': {'columns': watched.numeric + watched.categorical, 'split': watched.reference_split},
        'prediction': {
            'columns': watched.predictions, 'split': 'test' if watched.reference_split == 'test' else none
        },
    } %}
    {% for kind, of_kind in kinds.items() if of_kind.columns and model_name ~ ' ' ~ kind not in settled %}
        {% set name = product ~ '_' ~ kind %}
        {% set before = of_kind.split and is_built(examples) and is_built(decision) and is_built(versions) and is_built(backtest) %}

        {% if before %}
            {% set rows_before = backtest if kind == 'prediction' else examples %}
            {{ name }}_seen as (

                select distinct
                    split{{ ',\n                    model_version,\n                    evaluated_as_of' if kind == 'prediction' }}
                from {{ rows_before }}
                where {{ watched.rows }}

            ),

            -- the version fitted in this run, if there are rows of the weeks before
            {{ name }}_fitted as (

                select
                    '{{ model_name }}' as model_name,
                    max(versions.model_version) as model_version,
                    max(decision.as_of_date) as as_of_date
                from {{ versions }} as versions
                inner join {{ decision }} as decision
                    on versions.as_of_date = decision.as_of_date
                    and versions.model_version > coalesce(decision.last_version, 0)
                inner join {{ name }}_seen as seen
                    on seen.split = '{{ of_kind.split }}'
                    {% if kind == 'prediction' %}
                        and versions.model_version = seen.model_version
                        and decision.as_of_date = seen.evaluated_as_of
                    {% endif %}
                left join known
                    on known.model_name = '{{ model_name }}'
                    and known.kind = '{{ kind }}'
                    and versions.model_version = known.model_version
                -- one fitted for drift is meant to leave these weeks behind: the first day that it scores stands in
                where decision.fit_due and decision.reason <> 'drift' and known.model_version is null
                having count(*) > 0

            ),

            {% do parts.append({
                'name': name ~ '_before', 'version': name ~ '_fitted', 'kind': kind, 'watched': watched, 'split': of_kind.split,
                'rows': version_rows(
                    name ~ '_fitted', kind, rows_before, watched, split=of_kind.split,
                    date='evaluated_as_of' if kind == 'prediction'
                ),
            }) %}
        {% endif %}

        {% if is_built(examples) and is_built(champion) and is_built(scores) %}
            -- a version that no such rows are known of, by those of the first day that it scores
            {{ name }}_served as (

                select served.*
                from ({{ scoring_version(row) }}) as served
                left join known
                    on served.model_name = known.model_name
                    and served.model_version = known.model_version
                    and known.kind = '{{ kind }}'
                {% if before %}
                    left join {{ name }}_fitted as fitted on served.model_version = fitted.model_version
                {% endif %}
                where
                    known.model_version is null
                    {{ 'and fitted.model_version is null' if before }}

            ),

            {% do parts.append({
                'name': name ~ '_first_day', 'version': name ~ '_served', 'kind': kind, 'watched': watched, 'split': 'score',
                'rows': version_rows(
                    name ~ '_served', kind, scores if kind == 'prediction' else examples, watched,
                    split='score' if kind == 'feature', date='as_of_date'
                ),
            }) %}
        {% endif %}
    {% endfor %}
{% endfor %}

-- two scans of the rows: where to cut, and how many lie between the cuts
{% for part in parts %}
    {% set numeric = part.watched.predictions if part.kind == 'prediction' else part.watched.numeric %}
    {{ part.name }}_edges as (

        {% if numeric %}
            {{ bin_edges(part.rows, numeric) }}
        {% else %}
            {{ no_rows({'feature_name': text, 'edge': 'double'}) }}
        {% endif %}

    ),

    {{ part.name }} as (

        {{ version_counts(part.version, part.kind, part.rows, part.watched, part.name ~ '_edges') }}

    ),
{% endfor %}

counted as (

    {% for part in parts %}
        select
            *,
            '{{ part.split }}' as reference_split
        from {{ part.name }}
        union all
    {% endfor %}
    {{ no_rows({
        'model_name': text, 'model_version': 'int', 'as_of_date': 'date', 'kind': text, 'feature_name': text,
        'place': 'int', 'level': text, 'row_count': 'bigint', 'reference_split': text,
    }) }}

),

edges as (

    {% for part in parts %}
        select
            version.*,
            '{{ part.kind }}' as kind,
            '{{ part.split }}' as reference_split,
            edges.feature_name,
            edges.edge
        from {{ part.name }}_edges as edges
        cross join {{ part.version }} as version
        union all
    {% endfor %}
    {{ no_rows({
        'model_name': text, 'model_version': 'int', 'as_of_date': 'date', 'kind': text, 'reference_split': text,
        'feature_name': text, 'edge': 'double',
    }) }}

),

bins as (

    {{ reference_bins('counted', 'edges', ['model_name', 'model_version', 'as_of_date', 'reference_split', 'kind']) }}

),

final as (

    select
        model_name,
        cast(model_version as int) as model_version,
        feature_name,
        cast(bin as int) as bin,
        kind,
        reference_split,
        cast(group_number as int) as group_number,
        lower_edge,
        upper_edge,
        level,
        cast(row_count as bigint) as row_count,
        as_of_date
    from bins

)

select * from final
