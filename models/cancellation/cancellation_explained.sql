{{ explained_rows(product_cancellation()) }}
