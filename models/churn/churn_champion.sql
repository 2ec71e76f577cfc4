{{ choose_champion(product_churn()) }}
