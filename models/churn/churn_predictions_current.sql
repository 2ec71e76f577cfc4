{{ current_scoring(product_churn(), ['user']) }}
