-- PSI, KS and Jensen-Shannon distance by hand. Of 100 reference rows 50 have the value 1, 40 the value 2 and 10 none; of 100
-- scored ones 20, 40 and 30, and 10 have the value 3, beyond what the reference knows. Of a categorical
-- column 60 were a and 40 b, and now 50 are a and 50 c, a level that the reference does not know.
with digits (digit) as (

    values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)

),

hundred as (

    select 10 * tens.digit + ones.digit as number
    from digits as tens
    cross join digits as ones

),

reference_rows as (

    select
        case when number < 50 then 1 when number < 90 then 2 end as size,
        case when number < 60 then 'a' else 'b' end as kind
    from hundred

),

current_rows as (

    select
        case when number < 20 then 1 when number < 60 then 2 when number < 70 then 3 end as size,
        case when number < 50 then 'a' else 'c' end as kind
    from hundred

),

edges as (

    select
        1 as model_version,
        edges.*
    from ({{ bin_edges('reference_rows', ['size']) }}) as edges

),

{% set text = dbt.type_string() %}
{% for side in ['reference', 'current'] %}
    {{ side }}_counts as (

        select
            1 as model_version,
            feature_name,
            place,
            cast(null as {{ text }}) as level,
            row_count
        from ({{ edge_counts(side ~ '_rows', ['size'], 'edges') }}) as numbers
        union all
        select
            1 as model_version,
            feature_name,
            cast(null as int) as place,
            level,
            row_count
        from ({{ level_counts(side ~ '_rows', ['kind']) }}) as levels

    ),
{% endfor %}

bins as (

    {{ reference_bins('reference_counts', 'edges', ['model_version']) }}

),

compared as (

    {{ binned_counts('current_counts', 'bins', ['model_version']) }}

),

measured as (

    {{ drift_measures('compared', ['model_version']) }}

),

-- groups: missing, below 1, 1, 2, above 2; and missing, a, b, others
expected as (

    select
        'size' as feature_name,
        (30e0 - 10) / 102.5 * ln(30.5e0 / 10.5)
        + (20e0 - 50) / 102.5 * ln(20.5e0 / 50.5)
        + (10e0 - 0) / 102.5 * ln(10.5e0 / 0.5) as psi,
        0.2e0 as ks,
        sqrt((
            0.1e0 * ln(0.1e0 / 0.2) + 0.3e0 * ln(0.3e0 / 0.2)
            + 0.5e0 * ln(0.5e0 / 0.35) + 0.2e0 * ln(0.2e0 / 0.35)
            + 0.1e0 * ln(2e0)
        ) / 2 / ln(2e0)) as js_distance
    union all
    select
        'kind' as feature_name,
        (50e0 - 60) / 102 * ln(50.5e0 / 60.5)
        + (0e0 - 40) / 102 * ln(0.5e0 / 40.5)
        + (50e0 - 0) / 102 * ln(50.5e0 / 0.5) as psi,
        null as ks,
        sqrt((
            0.6e0 * ln(0.6e0 / 0.55) + 0.5e0 * ln(0.5e0 / 0.55)
            + 0.4e0 * ln(2e0) + 0.5e0 * ln(2e0)
        ) / 2 / ln(2e0)) as js_distance

)

select
    expected.feature_name,
    measured.psi,
    expected.psi as expected_psi,
    measured.ks,
    expected.ks as expected_ks,
    measured.js_distance,
    expected.js_distance as expected_js_distance
from expected
left join measured on expected.feature_name = measured.feature_name
where
    measured.feature_name is null
    or abs(measured.psi - expected.psi) > 1e-9
    or abs(measured.js_distance - expected.js_distance) > 1e-9
    or coalesce(abs(measured.ks - expected.ks), 0) > 1e-9
    or (measured.ks is null) <> (expected.ks is null)
    or measured.row_count <> 100
    or measured.reference_row_count <> 100
