{{ config(
    materialized='incremental',
    unique_key=['model_name', 'model_version', 'feature_name', 'served_date'],
    full_refresh=false
) }}

{% set text = dbt.type_string() %}

with policy as (

    select * from {{ ref('drift_policy') }}

),

reference as (

    select * from {{ ref('drift_reference') }}

),

-- all answers, shadows among them: versions tell them apart
logged as (

    select
        model_name,
        model_version,
        served_date,
        scoring_date,
        answer,
        asked
    from {{ ref('stg_inference_log') }}
    where
        is_answered
        {% if is_incremental() %}
            -- the day before, too: a file may have come late
            and served_date >= coalesce((select max(served_date) - 1 from {{ this }}), cast('1990-01-01' as date))
        {% endif %}

),

columns_of_versions as (

    select
        model_name,
        model_version,
        kind,
        feature_name,
        max(case when level is not null then 1 else 0 end) as is_text
    from reference
    group by model_name, model_version, kind, feature_name

),

-- what was answered, and those features that were given
online as (

    select
        logged.model_name,
        logged.model_version,
        logged.served_date,
        columns_of_versions.kind,
        columns_of_versions.feature_name,
        columns_of_versions.is_text,
        case columns_of_versions.kind
            when 'prediction' then {{ json_text('logged.answer', 'columns_of_versions.feature_name') }}
            else {{ json_text('logged.asked', 'columns_of_versions.feature_name') }}
        end as value
    from logged
    inner join columns_of_versions
        on logged.model_name = columns_of_versions.model_name
        and logged.model_version = columns_of_versions.model_version
    where columns_of_versions.kind = 'prediction' or logged.asked is not null

),

scorings as (

    select distinct
        model_name,
        model_version,
        served_date,
        scoring_date
    from logged

),

published as (

    {% for product in products() %}
        {% set predictions = [product.prediction] if product.prediction is string else product.prediction %}
        {% for name in predictions if name in product.served %}
            select
                '{{ product.model_name }}' as model_name,
                scoring_date,
                '{{ name }}' as feature_name,
                cast({{ name }} as double) as number
            from ({{ ref_if_built(product.predictions, ['scoring_date', name]) }}) as {{ product.product }}_rows
            union all
        {% endfor %}
    {% endfor %}
    {{ no_rows({'model_name': text, 'scoring_date': 'date', 'feature_name': text, 'number': 'double'}) }}

),

-- beside it what the batch published on the days that were answered from, whichever version
both_sides as (

    select
        'online' as side,
        model_name,
        model_version,
        served_date,
        kind,
        feature_name,
        case when is_text = 0 then try_cast(value as double) end as number,
        case when is_text = 1 then value end as level
    from online
    where value is not null
    union all
    select
        'batch' as side,
        scorings.model_name,
        scorings.model_version,
        scorings.served_date,
        'prediction' as kind,
        published.feature_name,
        published.number,
        cast(null as {{ text }}) as level
    from published
    inner join scorings
        on published.model_name = scorings.model_name
        and published.scoring_date = scorings.scoring_date
    where published.number is not null

),

{% set of_value = ['side', 'model_name', 'model_version', 'served_date', 'kind', 'feature_name'] %}
valued as (

    select
        {{ of_value | join(', ') }},
        number,
        level,
        count(*) as row_count
    from both_sides
    group by {{ of_value | join(', ') }}, number, level

),

-- numeric bins are numbered from 1 by size
placed as (

    select
        valued.side,
        valued.model_name,
        valued.model_version,
        valued.served_date,
        valued.kind,
        valued.feature_name,
        reference.bin - 1 as place,
        valued.level,
        cast(sum(valued.row_count) as bigint) as row_count
    from valued
    left join reference
        on valued.model_name = reference.model_name
        and valued.model_version = reference.model_version
        and valued.kind = reference.kind
        and valued.feature_name = reference.feature_name
        and reference.lower_edge < valued.number
        and reference.upper_edge >= valued.number
    group by
        valued.side,
        valued.model_name,
        valued.model_version,
        valued.served_date,
        valued.kind,
        valued.feature_name,
        reference.bin - 1,
        valued.level

),

counted as (

    select * from placed
    where side = 'online'

),

days as (

    select distinct
        model_name,
        model_version,
        served_date,
        kind,
        feature_name
    from counted

),

-- of answers the bins hold what the batch published, of features, and where nothing was published, the reference's own rows
bins as (

    select
        days.*,
        reference.bin,
        reference.group_number,
        reference.lower_edge,
        reference.upper_edge,
        reference.level,
        case
            when max(batch.row_count) over (
                partition by days.model_name, days.model_version, days.served_date, days.kind, days.feature_name
            ) is null then reference.row_count
            else coalesce(batch.row_count, 0)
        end as row_count
    from days
    inner join reference
        on days.model_name = reference.model_name
        and days.model_version = reference.model_version
        and days.kind = reference.kind
        and days.feature_name = reference.feature_name
    left join placed as batch
        on batch.side = 'batch'
        and days.model_name = batch.model_name
        and days.model_version = batch.model_version
        and days.served_date = batch.served_date
        and days.kind = batch.kind
        and days.feature_name = batch.feature_name
        and reference.upper_edge is not null
        and reference.bin - 1 = batch.place

),

{% set keys = ['model_name', 'model_version', 'served_date', 'kind'] %}
compared as (

    {{ binned_counts('counted', 'bins', keys) }}

),

measured as (

    {{ drift_measures('compared', keys) }}

),

judged as (

    select
        measured.*,
        coalesce(own.psi_warn, usual.psi_warn) as psi_warn,
        coalesce(own.psi_act, usual.psi_act) as psi_act,
        measured.row_count >= coalesce(own.min_rows, usual.min_rows)
        and measured.reference_row_count >= coalesce(own.min_rows, usual.min_rows) as has_min_rows
    from measured
    left join policy as usual
        on measured.model_name = usual.model_name
        and usual.feature_name = '*'
    left join policy as own
        on measured.model_name = own.model_name
        and measured.feature_name = own.feature_name
    where measured.reference_row_count > 0

),

final as (

    select
        model_name,
        cast(model_version as int) as model_version,
        feature_name,
        served_date,
        kind,
        cast(row_count as bigint) as row_count,
        cast(reference_row_count as bigint) as reference_row_count,
        psi,
        ks,
        js_distance,
        psi_warn,
        psi_act,
        coalesce(has_min_rows, false) as has_min_rows,
        case
            when not coalesce(has_min_rows, false) then 'ok'
            when round(psi, 9) >= psi_act then 'act'
            when round(psi, 9) >= psi_warn then 'warn'
            else 'ok'
        end as state
    from judged

)

select * from final
