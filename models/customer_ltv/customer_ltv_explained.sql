{{ explained_rows(product_customer_ltv()) }}
