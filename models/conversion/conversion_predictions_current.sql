{{ current_scoring(product_conversion(), ['property']) }}
