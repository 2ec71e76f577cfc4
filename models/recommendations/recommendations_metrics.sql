{{ evaluate(product_recommendations()) }}
