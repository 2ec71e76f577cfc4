{{ evaluate(product_revenue()) }}
