{{ reasons_in_words(product_cancellation()) }}
