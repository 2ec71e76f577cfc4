{{ evaluate(product_demand()) }}
