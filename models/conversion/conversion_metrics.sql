{{ evaluate(product_conversion()) }}
