{#
  On a <product>_examples model: the largest label_known_date of a split lies before the smallest
  as_of_date of each later split (train, validation, test, score), so that no label that a model learnt
  from was still unknown when the next split was predicted.

  Example
    data_tests:
      - splits_do_not_overlap
#}
{% test splits_do_not_overlap(model) %}
    with spans as (

        select
            case split when 'train' then 1 when 'validation' then 2 when 'test' then 3 else 4 end as split_order,
            split,
            max(label_known_date) as last_label_known,
            min(as_of_date) as first_as_of
        from {{ model }}
        group by split

    )

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
{% endtest %}
