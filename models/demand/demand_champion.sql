{{ choose_champion(product_demand()) }}
