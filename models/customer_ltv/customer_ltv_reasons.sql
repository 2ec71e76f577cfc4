{{ reasons_in_words(product_customer_ltv()) }}
