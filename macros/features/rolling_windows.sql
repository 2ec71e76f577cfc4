{#
  Rolling sums of an entity's activity, one row for each date on which a sum may change.

  A value at feature_date counts the activity of the `window` days before it; the date itself is
  not part of it. An event of day d enters every window at d + 1 and leaves a window of n days at
  d + 1 + n, so a running sum of these changes gives all windows in one pass, in proportion to the
  events and not to the calendar.

  Arguments
    relation  CTE or relation with one or more rows for each entity and date
    entity    key column, or list of key columns
    date      date column of the activity
    measures  {column: [window in days, ...]}; a null measure counts as nothing.
              Sums are doubles: exact in any order as long as the measures are whole numbers (money in cents)
    last      measures for which last_<measure>_date (newest date with a positive value) is wanted;
              null when it is older than the longest window
    until     date expression: rows after it are left out

  Columns: entity keys, feature_date, <measure>_<n>d for each measure and window, last_<measure>_date, is_rolled (1).

  Example
    {{ rolling_windows('activity', 'property_id', 'activity_date', {'bookings': [7, 30]}, ['bookings']) }}
#}
{% macro rolling_windows(relation, entity, date, measures, last=[], until=none) %}
    {% set keys = [entity] if entity is string else entity %}
    {% set columns = [] %}
    {% for measure, windows in measures.items() %}
        {% for window in windows %}
            {% do columns.append({'name': measure ~ '_' ~ window ~ 'd', 'measure': measure, 'window': window}) %}
        {% endfor %}
    {% endfor %}
    {% set all_windows = columns | map(attribute='window') | unique | sort %}
    {% set longest = all_windows | max %}

    select
        {% for key in keys %}{{ key }}, {% endfor %}
        feature_date,
        {% for column in columns %}
            {{ column.name }},
        {% endfor %}
        {% for measure in last %}
            case
                when last_{{ measure }}_date + {{ longest }} >= feature_date then last_{{ measure }}_date
            end as last_{{ measure }}_date,
        {% endfor %}
        1 as is_rolled
    from (
        select
            {% for key in keys %}{{ key }}, {% endfor %}
            feature_date,
            {% for column in columns %}
                sum(change_{{ column.name }}) over entity_history as {{ column.name }},
            {% endfor %}
            {% for measure in last %}
                max(seen_{{ measure }}_date) over entity_history as last_{{ measure }}_date,
            {% endfor %}
            1 as is_summed
        from (
            select
                {% for key in keys %}{{ key }}, {% endfor %}
                feature_date,
                {% for column in columns %}
                    sum(change_{{ column.name }}) as change_{{ column.name }},
                {% endfor %}
                {% for measure in last %}
                    max(seen_{{ measure }}_date) as seen_{{ measure }}_date,
                {% endfor %}
                1 as is_change
            from (
                {% for leaving in [0] + all_windows | list %}
                    {% if not loop.first %}union all{% endif %}
                    select
                        {% for key in keys %}{{ key }}, {% endfor %}
                        {{ date }} + {{ 1 + leaving }} as feature_date,
                        {% for column in columns %}
                            {% if leaving == 0 %}
                                cast(coalesce({{ column.measure }}, 0) as double)
                            {% elif leaving == column.window %}
                                -cast(coalesce({{ column.measure }}, 0) as double)
                            {% else %}
                                0
                            {% endif %} as change_{{ column.name }},
                        {% endfor %}
                        {% for measure in last %}
                            {% if leaving == 0 %}
                                case when {{ measure }} > 0 then {{ date }} end
                            {% else %}
                                cast(null as date)
                            {% endif %} as seen_{{ measure }}_date,
                        {% endfor %}
                        1 as is_event
                    from {{ relation }}
                    {% if leaving > 0 %}
                        where
                            {% for column in columns if column.window == leaving %}
                                {{ 'or ' if not loop.first }}{{ column.measure }} <> 0
                            {% endfor %}
                    {% endif %}
                {% endfor %}
            ) as events
            {% if until %}where feature_date <= {{ until }}{% endif %}
            group by {% for key in keys %}{{ key }}, {% endfor %}feature_date
        ) as changes
        window
            entity_history as (
                partition by {{ keys | join(', ') }} order by feature_date
                rows between unbounded preceding and current row
            )
    ) as sums
{% endmacro %}
