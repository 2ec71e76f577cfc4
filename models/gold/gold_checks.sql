{{ config(post_hook=once_written('{{ report_gold(this) }}')) }}

-- depends_on: {{ ref('gold_policy') }}, {{ ref('holidays') }}
{# named here, so that the graph knows that all of gold is read #}
{% do [
    gold('dim_user'), gold('dim_host'), gold('dim_property'), gold('dim_destination'),
    gold('dim_date'), gold('fact_booking_detail'), gold('fact_booking_daily'),
    gold('fact_property_engagement'),
] %}

{% set types = {
    'table_name': dbt.type_string(),
    'column_name': dbt.type_string(),
    'rule': dbt.type_string(),
    'row_count': 'bigint',
    'failures': 'bigint',
    'share': 'double',
    'max_share': 'double',
    'severity': dbt.type_string(),
    'status': dbt.type_string(),
    'message': dbt.type_string(),
    'last_good': dbt.type_string(),
    'as_of_date': 'date',
} %}

{% if execute and not flags.EMPTY and is_built(ref('gold_policy')) and gold_is_there() %}
    {{ gold_checks_query(gold_policy()) }}
{% elif execute and flags.EMPTY and is_built(this) %}
    -- what the last good build had is not forgotten
    select * from {{ this }}
{% elif execute and not flags.EMPTY and flags.WHICH in ('run', 'build') %}
    {% do exceptions.raise_compiler_error('seed gold_policy is not there, which says what gold has to keep; run dbt seed, or dbt build') %}
{% else %}
    {{ no_rows(types) }}
{% endif %}
