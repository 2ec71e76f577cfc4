{{ explained_rows(product_churn()) }} -- noqa: AM04
