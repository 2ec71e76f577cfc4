{{ current_scoring(product_recommendations(), ['user', 'property']) }}
