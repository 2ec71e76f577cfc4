{{ current_scoring(product_recommendations(), ['user', 'property']) }} -- noqa: AM04
