{#
  The dates that this run of a feature table builds: one row with

    as_of_date    the point in time; feature dates go up to and including it
    refresh_from  first feature_date to build: everything on a first run, afterwards what is newer
                  than the table plus `lookback_days`, so that late facts count
    read_from     first date of activity that these feature dates can depend on

  Argument
    longest  longest window in days that the table sums over

  Example: with refresh as ({{ refresh_window() }})
#}
{% macro refresh_window(longest=365) %}
    {% if is_incremental() and execute and model.resource_type == 'model' %}
        {% set oldest %}
            select least(max(built.feature_date), max(clock.as_of_date)) - {{ var('lookback_days') }} + 1
            from {{ this }} as built
            cross join {{ ref('point_in_time') }} as clock
        {% endset %}
        {% do note_written_from("cast('" ~ run_query(oldest).columns[0].values()[0] ~ "' as date)") %}
    {% endif %}
    select
        clock.as_of_date,
        {% if is_incremental() %}
            least(built.newest_feature_date, clock.as_of_date) - {{ var('lookback_days') }} + 1 as refresh_from,
            least(built.newest_feature_date, clock.as_of_date) - {{ var('lookback_days') + longest + 1 }} as read_from
        {% else %}
            cast('1900-01-01' as date) as refresh_from,
            cast('1900-01-01' as date) as read_from
        {% endif %}
    from {{ ref('point_in_time') }} as clock
    {% if is_incremental() %}
        cross join (
            select coalesce(max(feature_date), cast('1900-01-01' as date)) as newest_feature_date from {{ this }}
        ) as built
    {% endif %}
{% endmacro %}
