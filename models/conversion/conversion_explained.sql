{{ explained_rows(product_conversion()) }}
