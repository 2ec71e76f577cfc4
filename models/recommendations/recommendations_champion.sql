{{ choose_champion(product_recommendations()) }}
