{% set label_days = product_customer_ltv().truth_days %}
{# fewer say nothing at all; whether these prove a version better than its baseline the gate says, by its interval #}
{% set least_payers = 20 %}
{% set least_days = 30 %}

with splits as (

    select * from {{ ref('customer_ltv_splits') }}

),

users as (

    select
        user_id,
        min(known_from) as known_from
    from {{ ref('user_versions') }}
    group by user_id

),

bookings as (

    select * from {{ ref('stg_bookings') }}

),

-- users known at the newest snapshot to learn from, and at the test's, and who of them books in the label's window after it
newest as (

    select
        split,
        max(snapshot_date) as snapshot_date,
        max(label_known_date) as label_known_date
    from splits
    where split not in ('score', 'gap', 'reference')
    group by split

),

payers as (

    select distinct
        newest.split,
        bookings.user_id
    from newest
    inner join bookings
        on newest.snapshot_date <= bookings.created_date
        and newest.label_known_date > bookings.created_date

),

counted as (

    select
        newest.split,
        count(*) as users,
        count(payers.user_id) as payers,
        100 * cast(count(payers.user_id) as double) / count(*) as payer_percent
    from newest
    inner join users on newest.snapshot_date >= users.known_from
    left join payers
        on newest.split = payers.split
        and users.user_id = payers.user_id
    group by newest.split

),

extent as (

    select
        {{ dbt.datediff('max(first_booking_date)', 'max(as_of_date)', 'day') }} as history_days,
        count(*) filter (where split = 'learn') as snapshots
    from splits

),

-- the split in which fewest return; no user at all is known where one of the two is missing
returned as (

    select
        case when count(*) < 2 then 0 else min(payers) end as payers,
        case when count(*) < 2 then 0 else min(payer_percent) end as payer_percent
    from counted

),

learnability as (

    select
        case
            when history_days is null then 'gold holds no booking before the point in time'
            when snapshots = 0
                then
                    'too little history: bookings of '
                    || cast(history_days as {{ dbt.type_string() }})
                    || ' days, {{ 2 * label_days + 181 }} are needed: half a year of habits, {{ label_days }} days of labels to learn from and'
                    || ' {{ label_days }} to test on'
                    -- the longest window that these days do for
                    || case
                        when history_days >= {{ 2 * least_days + 181 }}
                            then
                                '; they do for customer_ltv_days: '
                                || cast(cast(floor((history_days - 181) / 2e0) as int) as {{ dbt.type_string() }})
                        else ''
                    end
            when payers < {{ least_payers }} or payer_percent < 1
                then
                    'too few users book again: '
                    || cast(payers as {{ dbt.type_string() }}) || ' of those known at a snapshot ('
                    || {{ number_text('payer_percent') }}
                    || ' %) do in the {{ label_days }} days after it, {{ least_payers }} and 1 % are needed; chance still moves'
                    || ' a number of {{ least_payers }} by {{ (100 / least_payers ** 0.5) | round | int }} %'
        end as not_learnable
    from extent
    cross join returned

)

{{ decide_retraining(product_customer_ltv(), 'learnability') }}
