{{ current_scoring(product_customer_ltv(), ['user']) }}
