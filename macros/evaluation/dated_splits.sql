{#
  Splits of a product whose labels come by date, the whole of <product>_splits: of the dates whose labels are known the newest
  share is `test`, as many before it are `validation`, the rest is `train`, and between two lies a gap as long as a label
  takes; `score` is the newest date of all.

  Arguments
    product  a declaration (macro products) whose <product>_spine has labels, null while they are not known
    date     column of the spine
    share    of the known dates in test, and in validation
    gap      whether what lies between two of them has rows too, as split `gap`, from which only the refit learns

  Columns: as_of_date, split (`gap` twice), first_date, last_date; dates are null where history is too short

  Example: {{ dated_splits(product_telecom_churn(), 'snapshot_date', gap=true) }}
#}
{% macro dated_splits(product, date, share=0.15, gap=false) %}
    {% set label_days = product.truth_days %}
    with clock as (

        select as_of_date from {{ ref('point_in_time') }}

    ),

    dates as (

        select
            {{ date }} as example_date,
            count({{ product.label }}) as labels
        from {{ ref(product.product ~ '_spine') }}
        group by {{ date }}

    ),

    known as (

        select
            example_date,
            cast(greatest(floor({{ share }} * count(*) over ()), 1) as bigint) as wanted,
            row_number() over (order by example_date desc) as place
        from dates
        where labels > 0

    ),

    tested as (

        select
            min(example_date) as first_date,
            max(example_date) as last_date
        from known
        where place <= wanted

    ),

    before_test as (

        select
            known.example_date,
            known.wanted,
            row_number() over (order by known.example_date desc) as place
        from known
        cross join tested
        where known.example_date + {{ label_days }} < tested.first_date

    ),

    validated as (

        select
            min(example_date) as first_date,
            max(example_date) as last_date
        from before_test
        where place <= wanted

    ),

    trained as (

        select
            min(known.example_date) as first_date,
            max(known.example_date) as last_date
        from known
        cross join validated
        where known.example_date + {{ label_days }} < validated.first_date

    ),

    scored as (

        select
            max(example_date) as first_date,
            max(example_date) as last_date
        from dates

    ),

    final as (

        {% for split, relation in {
            'train': 'trained', 'validation': 'validated', 'test': 'tested', 'score': 'scored'
        }.items() %}
            select
                clock.as_of_date,
                '{{ split }}' as split,
                {{ relation }}.first_date,
                {{ relation }}.last_date
            from clock
            cross join {{ relation }}
            {{ 'union all' if gap or not loop.last }}
        {% endfor %}
        {% for earlier, later in [('trained', 'validated'), ('validated', 'tested')] if gap %}
            select
                clock.as_of_date,
                'gap' as split,
                {{ earlier }}.last_date + 1 as first_date,
                {{ later }}.first_date - 1 as last_date
            from clock
            cross join {{ earlier }}
            cross join {{ later }}
            {{ 'union all' if not loop.last }}
        {% endfor %}

    )

    select * from final
{% endmacro %}
