{{ choose_champion(product_cancellation()) }}
