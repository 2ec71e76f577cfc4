{{ choose_champion(product_pricing()) }}
