{{ explained_rows(product_demand()) }}
