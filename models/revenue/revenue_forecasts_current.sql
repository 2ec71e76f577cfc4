{{ current_scoring(product_revenue(), ['destination']) }}
