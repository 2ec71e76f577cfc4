{{ choose_champion(product_revenue()) }}
