select * from {{ ref('cancellation_described') }} -- noqa: AM04
