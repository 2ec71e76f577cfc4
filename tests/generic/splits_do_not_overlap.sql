{#
  On a <product>_examples model: the largest label_known_date of a split lies before the smallest
  as_of_date of each later split (train, validation, test, score), so that no label that a first fit learnt
  from was still unknown when the next split was predicted. Rows of the gap between splits teach the refit alone: like
  those of the splits, their labels are known at the point in time.

  Where labels take so long that train and validation have to share their dates, they are kept apart by a key
  instead: no value of it is in both.

  Arguments
    key  column whose values train and validation divide between them; without it they are divided in time

  Fails with one row a pair of splits: message.

  Examples
    data_tests:
      - splits_do_not_overlap
      - splits_do_not_overlap:
          arguments: {key: user_id}
#}
{% test splits_do_not_overlap(model, key=none) %}
    with spans as (

        select
            case split when 'train' then 1 when 'validation' then 2 when 'test' then 3 else 4 end as split_order,
            split,
            max(label_known_date) as last_label_known,
            min(as_of_date) as first_as_of
        from {{ model }}
        -- rows that drift is measured against have no label
        where split not in ('reference', 'gap')
        group by split

    )

    select
        cast(count(*) as {{ dbt.type_string() }}) || ' labels of ' || examples.split || ', from which a refit learns, are known only on '
        || cast(max(examples.label_known_date) as {{ dbt.type_string() }}) || ' or before, after '
        || cast(max(clock.as_of_date) as {{ dbt.type_string() }}) as message
    from {{ model }} as examples
    cross join {{ ref('point_in_time') }} as clock
    where
        examples.split not in ('reference', 'score')
        and examples.label_known_date > clock.as_of_date
    group by examples.split
    union all

    select
        earlier.split || ' labels are known only on ' || cast(earlier.last_label_known as {{ dbt.type_string() }})
        || ', but ' || later.split || ' is predicted from ' || cast(later.first_as_of as {{ dbt.type_string() }})
            as message
    from spans as earlier
    inner join spans as later on earlier.split_order < later.split_order
    where
        earlier.last_label_known >= later.first_as_of
        -- the newest label is known on the very morning of the run that scores
        and not (later.split = 'score' and earlier.last_label_known = later.first_as_of)
        {% if key %}
            and later.split <> 'validation'
    union all
    select
        cast(count(*) as {{ dbt.type_string() }}) || ' values of {{ key }} are in train and in validation, such as '
        || min(cast({{ key }} as {{ dbt.type_string() }})) as message
    from (
        select {{ key }}
        from {{ model }}
        where split in ('train', 'validation')
        group by {{ key }}
        having count(distinct split) > 1
    ) as shared
    having count(*) > 0
        {% endif %}
{% endtest %}
