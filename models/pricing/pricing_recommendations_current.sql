{{ current_scoring(product_pricing(), ['property']) }}
