{#
  Metrics of a model that ranks items, of which at most one is the right one, long, with the baseline's value on the
  same queries. For all queries and for every segment:

    ndcg_at_10        1 / log2(1 + rank) of the right one where it is among the first ten, else 0; mean over queries
    recall_at_10      share of the queries whose right one is among the first ten
    mrr               mean of 1 / rank of the right one among all items, 0 where it is none of them
    candidate_recall  share of the queries whose right one is an item: what no ranking can exceed; no baseline
    ndcg_at_10_over_returns  ndcg_at_10 less that of a rule without learning, where `returns` is given: what the one who asks
                      is expected to come back to, the likeliest first, then as the baseline has it

  and for all queries coverage_at_10, the share of what is on offer that is among the first ten of at least one query of
  the same date, mean over dates. It grows with the number of queries.

  A query whose right one is no item counts as missed, for both. Equal scores are ranked by hash. The baseline
  ranks by its own column, and what is not above 0 there it does not recommend: its first ten have to be items.

  Arguments
    backtest    relation with model_version, evaluated_as_of, split and the columns named below, one row an item
    decision    relation <product>_retraining: as_of_date and whether a fit was due
    catalogue   relation with as_of_date, item and whether it is on offer
    label       column, 1 for the right one, else 0
    prediction, baseline  columns, higher is better; a baseline is 0 for what it does not recommend
    date, query columns that tell queries apart: the snapshot, and who asks
    item        column that names what is ranked
    on_offer    column of the catalogue
    segments    {name: expression}, the same for all items of a query
    returns     {'examples': relation, 'keys': its key beside split, 'by': column, 0 for what nobody comes back to}, or none

  Columns: model_version, as_of_date, split, segment, metric_name, metric_value, baseline_value, row_count
#}
{% macro ranking_metrics(backtest, decision, catalogue, label, prediction, baseline, date, query, item, on_offer, segments, returns=none) %}
    {% set sides = {'model': prediction, 'baseline': baseline} %}
    {% set groups = 'model_version, evaluated_as_of, split' %}
    {% set keys = groups ~ ', ' ~ date ~ ', ' ~ query %}
    {% set by = {} %}
    {% for name in segments %}{% do by.update({name: 'segment_' ~ loop.index}) %}{% endfor %}
    with evaluated as (

        select
            backtest.*{{ ',' if returns }}
            {% if returns %}
                examples.{{ returns.by }} as returns_score
            {% endif %}
        from {{ backtest }} as backtest
        inner join {{ decision }} as decision on backtest.evaluated_as_of = decision.as_of_date
        {% if returns %}
            inner join {{ returns.examples }} as examples
                on backtest.split = examples.split
                {% for key in returns['keys'] %}
                    and backtest.{{ key }} = examples.{{ key }}
                {% endfor %}
        {% endif %}
        where decision.fit_due

    ),

    ranked as (

        select
            *,
            {% for side, column in sides.items() %}
                row_number() over (partition by {{ keys }} order by {{ column }} desc, {{ tie_order(item, query) }}) as {{ side }}_rank{{ ',' if returns or not loop.last }}
            {% endfor %}
            {% if returns %}
                row_number() over (
                    partition by {{ keys }} order by returns_score desc, {{ baseline }} desc, {{ tie_order(item, query) }}
                ) as returns_rank
            {% endif %}
        from evaluated

    ),

    -- one row a query; the rank is null where the right one is not recommended
    queries as (

        select
            {{ keys | replace(', ', ',\n            ') }},
            max({{ label }}) as model_candidate_recall,
            cast(null as double) as baseline_candidate_recall,
            {% for side, column in sides.items() %}
                max(case when {{ label }} = 1{{ ' and ' ~ column ~ ' > 0' if side == 'baseline' }} then {{ side }}_rank end) as {{ side }}_rank,
            {% endfor %}
            {% if returns %}
                max(case when {{ label }} = 1 and (returns_score > 0 or {{ baseline }} > 0) then returns_rank end) as returns_rank,
            {% endif %}
            {% for name, expression in segments.items() %}
                max({{ expression }}) as segment_{{ loop.index }}{{ ',' if not loop.last }}
            {% endfor %}
        from ranked
        group by {{ keys }}

    ),

    segmented as (

        {{ in_segments('queries', by) }}

    ),

    {# what a rank is worth #}
    {% set gain = "case when %s_rank <= 10 then ln(2e0) / ln(1e0 + %s_rank) else 0e0 end" %}
    averaged as (

        select
            {{ groups | replace(', ', ',\n            ') }},
            segment,
            count(*) as row_count,
            {% for side in sides %}
                avg({{ gain % (side, side) }}) as {{ side }}_ndcg_at_10,
                {% if returns %}
                    avg({{ gain % (side, side) }} - {{ gain % ('returns', 'returns') }}) as {{ side }}_ndcg_at_10_over_returns,
                {% endif %}
                avg(case when {{ side }}_rank <= 10 then 1e0 else 0e0 end) as {{ side }}_recall_at_10,
                avg(coalesce(1e0 / {{ side }}_rank, 0e0)) as {{ side }}_mrr,
                avg({{ side }}_candidate_recall) as {{ side }}_candidate_recall{{ ',' if not loop.last }}
            {% endfor %}
        from segmented
        group by {{ groups }}, segment

    ),

    offered as (

        select
            as_of_date,
            count(*) as items
        from {{ catalogue }}
        where {{ on_offer }}
        group by as_of_date

    ),

    covered as (

        select
            {{ groups | replace(', ', ',\n            ') }},
            {{ date }} as query_date,
            count(distinct {{ query }}) as row_count,
            {% for side, column in sides.items() %}
                count(distinct case when {{ side }}_rank <= 10{{ ' and ' ~ column ~ ' > 0' if side == 'baseline' }} then {{ item }} end) as {{ side }}_items{{ ',' if not loop.last }}
            {% endfor %}
        from ranked
        group by {{ groups }}, {{ date }}

    ),

    coverage as (

        select
            {{ groups | replace(', ', ',\n            ') }},
            sum(covered.row_count) as row_count,
            {% for side in sides %}
                avg(covered.{{ side }}_items / cast(offered.items as double)) as {{ side }}_coverage_at_10{{ ',' if not loop.last }}
            {% endfor %}
        from covered
        inner join offered on covered.query_date = offered.as_of_date
        group by {{ groups }}

    ),

    final as (

        {{ long_metrics(
            'averaged', ['ndcg_at_10', 'recall_at_10', 'mrr', 'candidate_recall'] + (['ndcg_at_10_over_returns'] if returns else []),
            model='model_'
        ) }}
        union all
        {{ long_metrics('coverage', ['coverage_at_10'], model='model_', segment="'all'") }}

    )

    select * from final
{% endmacro %}
