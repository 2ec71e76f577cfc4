{{ evaluate(product_churn()) }}
