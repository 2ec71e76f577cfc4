{{ config(
    materialized='incremental',
    unique_key=['model_name', 'feature_name', 'scoring_date'],
    full_refresh=false
) }}

{% set text = dbt.type_string() %}
{% set parts = [] %}

with policy as (

    select * from {{ ref('drift_policy') }}

),

reference as (

    select * from {{ ref('drift_reference') }}

),

-- days that are recorded: a day scored again by the same version stays as it is
recorded as (

    {% if is_incremental() %}
        select
            model_name,
            model_version,
            feature_name,
            scoring_date,
            state,
            days_in_row
        from {{ this }}
    {% else %}
        {{ no_rows({
            'model_name': text, 'model_version': 'int', 'feature_name': text,
            'scoring_date': 'date', 'state': text, 'days_in_row': 'int',
        }) }}
    {% endif %}

),

{% for row in products() %}
    {% set model_name, product = row.model_name, row.product %}
    {% set examples = ref(product ~ '_examples') %}
    {% set champion = ref(product ~ '_champion') %}
    {% set scores = ref(product ~ '_scores') %}
    {% set watched = monitored_columns(row, examples) %}

    {% if is_built(examples) and is_built(champion) and is_built(scores) %}
        {{ product }}_served as (

            select served.*
            from ({{ scoring_version(row) }}) as served
            left join recorded
                on served.model_name = recorded.model_name
                and served.model_version = recorded.model_version
                and served.as_of_date = recorded.scoring_date
            where recorded.model_version is null

        ),

        {{ product }}_edges as (

            select
                reference.feature_name,
                reference.upper_edge as edge
            from reference
            inner join {{ product }}_served as served
                on reference.model_name = served.model_name
                and reference.model_version = served.model_version
            where reference.upper_edge is not null

        ),

        {% set served, edges = product ~ '_served', product ~ '_edges' %}
        {% set seen = version_rows(served, 'feature', examples, watched, split='score', date='as_of_date') %}
        {% set said = version_rows(served, 'prediction', scores, watched, date='as_of_date') %}
        {{ product }}_counted as (

            {{ version_counts(served, 'feature', seen, watched, edges) }}
            {% if watched.predictions %}
                union all
                {{ version_counts(served, 'prediction', said, watched, edges) }}
            {% endif %}

        ),

        {% do parts.append(product) %}
    {% endif %}
{% endfor %}

counted as (

    {% for product in parts %}
        select * from {{ product }}_counted
        union all
    {% endfor %}
    {{ no_rows({
        'model_name': text, 'model_version': 'int', 'as_of_date': 'date', 'kind': text,
        'feature_name': text, 'place': 'int', 'level': text, 'row_count': 'bigint',
    }) }}

),

scored as (

    {% for product in parts %}
        select * from {{ product }}_served
        union all
    {% endfor %}
    {{ no_rows({'model_name': text, 'model_version': 'int', 'as_of_date': 'date'}) }}

),

-- histograms of the versions that score now, no others
bins as (

    select
        scored.*,
        reference.kind,
        reference.feature_name,
        reference.bin,
        reference.group_number,
        reference.lower_edge,
        reference.upper_edge,
        reference.level,
        reference.row_count
    from reference
    inner join scored
        on reference.model_name = scored.model_name
        and reference.model_version = scored.model_version

),

{% set keys = ['model_name', 'model_version', 'as_of_date', 'kind'] %}
compared as (

    {{ binned_counts('counted', 'bins', keys) }}

),

-- a feature that the reference does not have cannot be compared
comparable as (

    select *
    from (
        select
            *,
            sum(reference_rows) over (partition by {{ keys | join(', ') }}, feature_name) as known_rows,
            sum(current_rows) over (partition by {{ keys | join(', ') }}, feature_name) as scored_rows
        from compared
    ) as totalled
    where known_rows > 0 and scored_rows > 0

),

measured as (

    {{ drift_measures('comparable', keys) }}

),

judged as (

    select
        measured.*,
        coalesce(own.psi_warn, usual.psi_warn) as psi_warn,
        coalesce(own.psi_act, usual.psi_act) as psi_act,
        coalesce(own.days_in_row, usual.days_in_row) as act_days,
        coalesce(own.is_monitored, usual.is_monitored)
        and measured.row_count >= coalesce(own.min_rows, usual.min_rows)
        and measured.reference_row_count >= coalesce(own.min_rows, usual.min_rows) as is_monitored
    from measured
    left join policy as usual
        on measured.model_name = usual.model_name
        and usual.feature_name = '*'
    left join policy as own
        on measured.model_name = own.model_name
        and measured.feature_name = own.feature_name

),

stated as (

    select
        *,
        case
            when not coalesce(is_monitored, false) then 'ok'
            when round(psi, 9) >= psi_act then 'act'
            when round(psi, 9) >= psi_warn then 'warn'
            else 'ok'
        end as state
    from judged

),

-- the model's scoring before this one, if the same version made it
previous as (

    select *
    from (
        select
            recorded.*,
            max(recorded.scoring_date) over (partition by recorded.model_name) as newest_scoring_date
        from recorded
        inner join scored
            on recorded.model_name = scored.model_name
            and recorded.scoring_date < scored.as_of_date
    ) as earlier_scorings
    where scoring_date = newest_scoring_date

),

final as (

    select
        stated.model_name,
        stated.feature_name,
        stated.as_of_date as scoring_date,
        cast(stated.model_version as int) as model_version,
        stated.kind,
        cast(stated.row_count as bigint) as row_count,
        cast(stated.reference_row_count as bigint) as reference_row_count,
        stated.psi,
        stated.ks,
        stated.js_distance,
        stated.psi_warn,
        stated.psi_act,
        coalesce(stated.is_monitored, false) as is_monitored,
        stated.state,
        cast(
            case when stated.state = 'act' then 1 + coalesce(previous.days_in_row, 0) else 0 end as int
        ) as days_in_row,
        cast(stated.act_days as int) as act_days,
        coalesce(
            stated.state = 'act' and 1 + coalesce(previous.days_in_row, 0) >= stated.act_days, false
        ) as is_drifted,
        stated.as_of_date
    from stated
    left join previous
        on stated.model_name = previous.model_name
        and stated.model_version = previous.model_version
        and stated.feature_name = previous.feature_name

)

select * from final
