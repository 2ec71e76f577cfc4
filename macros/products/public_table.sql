{#
  The config of a product's public table: rows of a day are written once and stay until their truth has come, and 30 days
  more. Its tag is how jobs find the product, with all that it needs; its `meta.declaration` is how Python does, in the manifest.

  Argument
    product  a declaration (macro products)

  Example: {{ public_table(product_demand()) }}
#}
{% macro public_table(product) %}
    {{ config(
        materialized='incremental',
        unique_key=['scoring_date'] + product.public_key,
        full_refresh=false,
        pre_hook="{{ hold_scores('" ~ product.product ~ "') }}",
        post_hook="{{ delete_older(this, 'scoring_date', " ~ (product.truth_days + 30) ~ ") }}",
        tags=[product.cadence],
        access='public',
        group=product.product,
        meta={'declaration': product},
    ) }}
{% endmacro %}
