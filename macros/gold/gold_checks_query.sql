{#
  Query: every rule of seed gold_policy on every gold table, judged; the columns of model gold_checks.

  Argument
    policy  what gold_policy() returns

  Example: {{ gold_checks_query(gold_policy()) }}
#}
{% macro gold_checks_query(policy) %}
    {% set span = gold_span(policy) %}
    {% set memory = gold_memory() %}
    {% set text = dbt.type_string() %}
    with measured as (

        {% for table in graph.sources.values() if table.source_name == 'gold' %}
            {{ measured_gold(table, gold_rules(table, policy), memory, span) }}
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    shares as (

        select
            *,
            case
                when failures = 0 then 0
                when failures_of > 0 then cast(failures as double) / failures_of
                else 1
            end as share
        from measured

    ),

    judged as (

        select
            *,
            case
                when failures = 0 or (is_quiet and share <= max_share) then 'pass'
                when share > max_share and severity = 'error' then 'error'
                else 'warn'
            end as status
        from shares

    ),

    final as (

        select
            table_name,
            column_name,
            rule,
            cast(row_count as bigint) as row_count,
            cast(failures as bigint) as failures,
            cast(share as double) as share,
            cast(max_share as double) as max_share,
            severity,
            status,
            case
                when status = 'pass' then null
                else
                    table_name || case when column_name = '*' then '' else '.' || column_name end || ': '
                    || case
                        when is_whole then example
                        else
                            cast(failures as {{ text }}) || ' of ' || cast(failures_of as {{ text }}) || ' rows ('
                            || {{ number_text('round(100 * share, 2)') }} || ' %) ' || says || coalesce(', such as ' || example, '')
                    end
                    || case
                        when failures_of is null or max_share = 1 then ''
                        when share > max_share then '; at most ' || {{ number_text('100 * max_share') }} || ' % may'
                        else '; up to ' || {{ number_text('100 * max_share') }} || ' % is let pass'
                    end
                    || '; ' || todo
            end as message,
            -- gold that failed is no measure of what comes next
            case
                when max(case when status = 'error' then 1 else 0 end) over () = 1 then nullif(good_before, '')
                {% if span.requested %}
                    -- a day that was asked for may lie in the past
                    when rule = 'newest_kept' then greatest(good_now, good_before)
                {% endif %}
                else good_now
            end as last_good,
            cast('{{ span.as_of }}' as date) as as_of_date
        from judged

    )

    select * from final
{% endmacro %}
