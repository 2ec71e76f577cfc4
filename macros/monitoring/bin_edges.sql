{#
  Edges of the bins of reference rows: on either side of each value that is a twentieth of them (`column_quantiles`), and
  infinity. So each of these values, with all rows that share it, has a bin of its own, and less than 5 % of the rows lie
  between two of them: the Kolmogorov-Smirnov statistic over these bins is below that of the single values by less than 0.05,
  whatever the current rows are.

  Arguments
    rows     relation, CTE name or subquery in brackets
    columns  list of numeric columns

  Columns: feature_name, edge. No row for a column without a known value.

  Example: {{ bin_edges('reference_rows', ['base_price', 'on_books']) }}
#}
{% macro bin_edges(rows, columns) %}
    {# values that differ by less are one: the engines may disagree on a double's last bits #}
    {% set hair = '5e-10 * greatest(abs(value), 1)' %}
    select distinct
        feature_name,
        case side
            when 1 then value - {{ hair }}
            when 2 then value + {{ hair }}
            else cast('Infinity' as double)
        end as edge
    from (
        select
            feature_name,
            value,
            lag(value) over (partition by feature_name order by value) as value_below
        from ({{ column_quantiles(rows, columns, 20) }}) as quantiles
    ) as values_apart
    cross join (
        select 1 as side
        union all
        select 2 as side
        union all
        select 3 as side
    ) as sides
    where value_below is null or value - value_below > 2 * {{ hair }}
{% endmacro %}
