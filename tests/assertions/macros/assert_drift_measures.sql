-- PSI, KS and Jensen-Shannon distance by hand. Of 100 reference rows 50 have the value 1, 40 the value 2 and 10 none; of 100
-- scored ones 20, 40 and 30, and 10 have the value 3, beyond what the reference knows. Of a categorical
-- column 60 were a and 40 b, and now 50 are a and 50 c, a level that the reference does not know.
with counts (is_reference, feature_name, value, level, row_count) as (

    values
    (true, 'size', 1, null, 50),
    (true, 'size', 2, null, 40),
    (true, 'size', null, null, 10),
    (true, 'kind', null, 'a', 60),
    (true, 'kind', null, 'b', 40),
    (false, 'size', 1, null, 20),
    (false, 'size', 2, null, 40),
    (false, 'size', 3, null, 10),
    (false, 'size', null, null, 30),
    (false, 'kind', null, 'a', 50),
    (false, 'kind', null, 'c', 50)

),

reference as (

    select
        1 as model_version,
        feature_name,
        value,
        level,
        row_count
    from counts
    where is_reference

),

current_rows as (

    select
        1 as model_version,
        feature_name,
        value,
        level,
        row_count
    from counts
    where not is_reference

),

bins as (

    {{ reference_bins('reference', ['model_version']) }}

),

compared as (

    {{ binned_counts('current_rows', 'bins', ['model_version']) }}

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
