{{ choose_champion(product_customer_ltv()) }}
