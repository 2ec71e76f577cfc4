{{ reasons_in_words(product_demand()) }}
