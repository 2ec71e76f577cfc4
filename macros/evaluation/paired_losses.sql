{#
  Two versions on the same test rows, for `wanderbricks registry compare`: sums over blocks of rows, from which the primary
  metric and, by resampling blocks, the interval of the difference follow. A metric value is sum(loss) / sum(weight), by
  the formula that <product>_metrics has:

    poisson_deviance, mse, log_loss, brier  mean over rows: weight 1
    ndcg_at_10                         mean over queries: weight 1
    wape                               sum of absolute errors over the sum of labels: the label is the weight
    wape_week_destinations             the same, of a destination's weeks after each cut-off
    revenue_lift                       no mean over rows, but over blocks: <product>_metrics has the linearised value of each
                                       block; of other segments nothing is known by block

  Rows are those of the newest evaluation that both versions took part in; blocks are those of choose_champion.

  Arguments
    model_name              registered model
    version, other_version  whole numbers

  Columns: model_name, metric_name, comparison, evaluated_as_of, model_version, segment, block, loss, weight, row_count

  Example: select * from ({{ paired_losses('demand_predictor', 1, 2) }}) as losses
#}
{% macro paired_losses(model_name, version, other_version) %}
    {% set text = dbt.type_string() %}
    {% set formulas = row_losses('prediction') %}
    {% do formulas.update({
        'wape_week_destinations': formulas.wape,
        'ndcg_at_10': 'case when place <= 10 then ln(2e0) / ln(1e0 + place) else 0e0 end',
        'revenue_lift': none,
    }) %}
    {% set models = products() | map(attribute='model_name') | list %}
    {% if model_name not in models %}
        {{ refuse_decision("there is no model '" ~ model_name ~ "'; there are " ~ models | sort | join(', ')) }}
    {% endif %}
    {% set product = declared_product(model_name) %}
    {% set block = namespace(of=monday_of('forecast_date') if product.task == 'forecast' else product.blocks) %}
    {% set segments = [] %}
    {% for name, expression in segments_of(product).items() if name == expression and name not in [product.blocks, product.date] %}
        {% do segments.append(name) %}
    {% endfor %}
    {% set query, item = namespace(of=product.get('group', [])), product.get('item') %}
    {% set prediction = judged_prediction(product) %}
    {% set backtest = ref(product.product ~ '_backtest') %}
    {% set metrics = ref(product.product ~ '_metrics') %}
    {% set targets = ref('performance_targets') %}
    {% set numbers = [version, other_version] | unique | join(', ') %}
    {% set found = {'metric_name': 'poisson_deviance', 'comparison': 'at_most', 'evaluated_as_of': '1970-01-01'} %}
    {% if execute %}
        {% if adapter.get_relation(metrics.database, metrics.schema, metrics.identifier) is none %}
            {{ refuse_decision(model_name ~ ' was never evaluated; run dbt build --select +' ~ metrics.identifier) }}
        {% endif %}
        {% set primary = run_query(
            'select metric_name, comparison from ' ~ targets
            ~ " where is_primary and model_name = '" ~ model_name ~ "'"
        )[0] %}
        {% set common = run_query(
            'select max(as_of_date) as evaluated_as_of from (select as_of_date from ' ~ metrics
            ~ " where split = 'test' and model_version in (" ~ numbers ~ ')'
            ~ ' group by as_of_date having count(distinct model_version) = ' ~ [version, other_version] | unique | list | length
            ~ ') as evaluations'
        )[0]['evaluated_as_of'] %}
        {% if common is none %}
            {{ refuse_decision(
                'v' ~ version ~ ' and v' ~ other_version ~ ' of ' ~ model_name ~ ' were never evaluated on the same rows. A fit '
                ~ "evaluates its candidate, the version that reigns and the one that is pinned: pin the older one with "
                ~ "`wanderbricks registry promote`, and build with --vars 'retrain: force'"
            ) }}
        {% endif %}
        {% if primary['metric_name'] not in formulas %}
            {{ refuse_decision(
                'no loss is known for ' ~ primary['metric_name'] ~ ', the primary metric of ' ~ model_name
                ~ '; add its formula to macro paired_losses'
            ) }}
        {% endif %}
        {% do found.update(
            {'metric_name': primary['metric_name'], 'comparison': primary['comparison'], 'evaluated_as_of': common}
        ) %}
    {% endif %}
    {% set metric = found.metric_name %}
    {% set is_weekly = metric == 'wape_week_destinations' %}
    {% if is_weekly %}
        {# sums over the weeks after a cut-off, each in the block of its first day #}
        {% set block.of = monday_of("(as_of_date + 1 + 7 * cast(floor((horizon_days - 1) / 7e0) as int))") %}
        {% set query.of = ['destination_id', 'as_of_date'] %}
        {# segments of a product are those of its total's days #}
        {% set segments = ['destination_id'] %}
    {% endif %}
    {% set tested = 'split = ' ~ "'test' and model_version in (" ~ numbers ~ ")" %}
    with evaluated as (

        select
            model_version,
            cast({{ block.of }} as {{ text }}) as block,
            {% for name in segments %}
                '{{ name }}=' || coalesce(cast({{ name }} as {{ text }}), 'unknown') as segment_{{ loop.index }},
            {% endfor %}
            {% for key in query.of %}{{ key }} as key_{{ loop.index }}, {% endfor %}
            {% if item %}
                row_number() over (
                    partition by model_version, {{ query.of | join(', ') }}
                    order by {{ prediction }} desc, {{ tie_order(item, query.of[-1]) }}
                ) as rank_of_item,
            {% endif %}
            cast({{ product.label }} as double) as label,
            cast({{ prediction }} as double) as prediction
        from {{ backtest }}
        where
            {{ tested }}
            and evaluated_as_of = cast('{{ found.evaluated_as_of }}' as date)
            and {{ product.get('test_rows', '1 = 1') }}

    ),

    units as (

        {% if metric == 'ndcg_at_10' %}
            select
                model_version,
                block,
                {% for name in segments %}segment_{{ loop.index }}, {% endfor %}
                max(case when label = 1 then rank_of_item end) as place
            from evaluated
            group by
                model_version, block{% for name in segments %}, segment_{{ loop.index }}{% endfor %}
                {%- for key in query.of %}, key_{{ loop.index }}{% endfor %}
        {% elif is_weekly %}
            select
                model_version,
                block,
                {% for name in segments %}segment_{{ loop.index }}, {% endfor %}
                sum(label) as label,
                sum(prediction) as prediction
            from evaluated
            group by
                model_version, block{% for name in segments %}, segment_{{ loop.index }}{% endfor %}
                {%- for key in query.of %}, key_{{ loop.index }}{% endfor %}
        {% else %}
            select * from evaluated
        {% endif %}

    ),

    losses as (

        {% if metric == 'revenue_lift' %}
            select
                model_version,
                segment as block,
                metric_value as loss,
                1e0 as weight
            from {{ metrics }}
            where
                {{ tested }}
                and as_of_date = cast('{{ found.evaluated_as_of }}' as date)
                and metric_name = 'revenue_lift'
                and segment like '{{ block.of }}=%'
        {% else %}
            select
                *,
                {{ formulas[metric] }} as loss,
                {{ 'label' if metric in ['wape', 'wape_week_destinations'] else '1e0' }} as weight
            from units
        {% endif %}

    ),

    segmented as (

        select
            model_version,
            'all' as segment,
            block,
            loss,
            weight
        from losses
        {% if metric != 'revenue_lift' %}
            {% for name in segments %}
                union all
                select
                    model_version,
                    segment_{{ loop.index }} as segment,
                    block,
                    loss,
                    weight
                from losses
            {% endfor %}
        {% endif %}

    )

    select
        '{{ model_name }}' as model_name,
        '{{ metric }}' as metric_name,
        '{{ found.comparison }}' as comparison,
        cast('{{ found.evaluated_as_of }}' as date) as evaluated_as_of,
        model_version,
        segment,
        block,
        sum(loss) as loss,
        sum(weight) as weight,
        count(*) as row_count
    from segmented
    group by model_version, segment, block
{% endmacro %}
