with payments as (

    -- payment_id says nothing: rows that are alike in all are one payment
    select distinct
        payment_id,
        booking_id,
        amount,
        payment_method,
        payment_date,
        lower(trim(status)) as status
    from {{ source('samples', 'payments') }}

),

settled as (

    select
        *,
        row_number() over (
            partition by booking_id
            order by payment_date desc nulls last, payment_id desc nulls last, amount desc nulls last
        ) as place
    from payments
    where status in ('completed', 'refunded')

),

final as (

    select
        booking_id,
        cast(sum(amount) as decimal(18, 2)) as payment_amount,
        max(case when place = 1 then payment_method end) as payment_method
    from settled
    group by booking_id

)

select * from final
