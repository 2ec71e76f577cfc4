{{ current_scoring(product_revenue(), ['destination'], table='revenue_outlook') }}
