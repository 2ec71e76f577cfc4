{{ explained_rows(product_churn()) }}
