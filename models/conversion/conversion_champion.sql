{{ choose_champion(product_conversion()) }}
