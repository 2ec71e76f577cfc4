{{ evaluate(product_customer_ltv()) }}
