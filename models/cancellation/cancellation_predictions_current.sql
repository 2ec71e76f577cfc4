{{ current_scoring(product_cancellation(), ['property']) }}
