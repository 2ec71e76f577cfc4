{{ evaluate(product_cancellation()) }}
union all
select * from (
    {{ remaining_metrics(product_cancellation()) }}
) as remaining
