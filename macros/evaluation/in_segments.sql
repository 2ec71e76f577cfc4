{#
  Every row once for all rows together (segment 'all') and once for each segment that it belongs to, '<name>=<value>'. One
  scan, whatever the number of segments; an unknown value is called 'unknown'.

  Arguments
    relation  CTE or relation
    segments  {name: expression over its columns}

  Columns: those of `relation`, segment

  Example: with segmented as ({{ in_segments('losses', {'horizon_days': 'horizon_days'}) }})
#}
{% macro in_segments(relation, segments) %}
    select
        given.*,
        case segment_numbers.segment_number
            when 0 then 'all'
            {% for name, expression in segments.items() %}
                when {{ loop.index }} then '{{ name }}=' || coalesce(cast({{ expression }} as {{ dbt.type_string() }}), 'unknown')
            {% endfor %}
        end as segment
    from {{ relation }} as given
    cross join (
        {% for number in range(segments | length + 1) %}
            select {{ number }} as segment_number
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as segment_numbers
{% endmacro %}
