{#
  Every product's declaration, in the order of their names, for loops over their tables. A product is declared by a macro
  `product_<name>` in macros/products/<name>.sql, found here by that name, so that no list is kept: a further product is its
  folder under models/, its declaration and its rows in the policy seeds. No other macro's name may begin so.

  A declaration is a dict:

    product      folder, and prefix of its models
    model_name   registered model, and name of the dbt model that fits it
    predictions  its public table
    cadence      tag by which jobs find it, `weekly` or `monthly`: the schedule of seed model_inventory
    public_key   key of the public table, within a scoring_date
    task         `count`, `regression`, `probability`, `forecast`, `value` or `ranking`: which metrics judge it (evaluate)
    label, prediction, baseline
                 columns of <product>_backtest; where a model predicts several columns, the first is the one that is judged
    keys         columns that tell examples apart
    date         date of the label
    keep         columns of the examples that <product>_backtest and <product>_scores keep beside keys and prediction
    blocks       segment over which versions are compared, in independent blocks
    segments     segments of <product>_metrics: columns of the back-test, or names of `bands`
    units        columns of the public table by which an experiment may split; none where there are too few
    truth_days   days from a scoring until all of it is known; the public table keeps 30 more
    served       columns of the public table, beside those that all have, that <product>_outcomes reads

  and where it has use for it:

    naive        column of the examples: a forecast that knows less than the baseline, the best rule that SQL has. A second
                 reference in the metrics, which nothing has to beat

    due          {'key': column of the scores, 'each': rows that each key has, 'of': query of the keys that are due}: without all
                 of them a day is not published (hold_scores). The query names our tables as {table}, the day as {as_of}
    least_kept   share of the keys of the day scored before without which a day is not published, 0.5 if not said

    bands        {segment: {'of': column, 'bands': what `bands` returns}}
    parts        parts of a week's rows that become known at different times (outcome_parts); all rows alike without it
    reference    {'split': of the examples that look as the rows to score do, in the weeks before the fit; 'rows': condition on
                 examples and predictions, if not all rows are of that shape; 'predictions': those that are watched, if not
                 all}: what drift is measured against
    group        columns that tell the queries of a ranking apart
    item         column that names what is ranked
    threshold    whether a served class follows from the probability and a threshold; with it decision_threshold, that
                 probability, else the best one decides, and threshold_beta, by what is best (threshold_settings)
    test_rows    condition on the test rows by which two versions are compared
    reasons      {'of': what contributions raise or lower, in words, 'acting': condition on the public table of the rows that people act
                 on, 'first': column or expression of it, the largest of which come first}: of which rows <product>_reasons
                 tells why (explained_rows)
    curve        {'by': column, 'points': {name: expression}}: what real-time serving answers of all rows of <product>_scores that a
                 key has, in this order
    newcomers    column of user_features by which real-time serving answers for a user who is new: what new users of that value
                 were given
    metrics      further arguments of the task's macro

  Example: {% for row in products() %} select … from {{ ref(row.product ~ '_champion') }} … {% endfor %}
#}
{% macro products() %}
    {# the same for every node of a run; a unit test has no graph, and vars of its own #}
    {% if execute and 'products' in graph %}{{ return(graph['products']) }}{% endif %}
    {% set found = [] %}
    {% for name in context[project_name].keys() | sort if name.startswith('product_') %}
        {% do found.append(context[project_name][name]()) %}
    {% endfor %}
    {% set looping = graph.get('nodes', {}).get('model.' ~ project_name ~ '.model_versions') if execute %}
    {% if looping %}
        {# a partial parse does not know that a new declaration changes who reads whom #}
        {% for product in found if 'model.' ~ project_name ~ '.' ~ product.model_name not in looping.depends_on.nodes %}
            {{ exceptions.raise_compiler_error(
                'product ' ~ product.product ~ ' was declared since dbt parsed this project whole; run dbt parse --no-partial-parse'
            ) }}
        {% endfor %}
        {% do graph.update({'products': found}) %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}
