{{ evaluate(product_cancellation()) }}
