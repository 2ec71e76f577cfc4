{{ current_scoring(product_demand(), ['property']) }}
