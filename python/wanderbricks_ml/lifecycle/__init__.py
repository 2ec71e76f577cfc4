"""What a dbt run does with a product's model: fit it, judge it, score with it."""
