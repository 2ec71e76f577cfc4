{# The rows of a product's scores that its public table does not hold yet: a day that the same version has scored already
   stays as it was written, scored_at included.

   Arguments: `scores`, a relation with as_of_date and model_version. Called in an incremental model with scoring_date and
   model_version. Example: with scores as ( {{ unwritten(ref('demand_scores')) }} ). #}
{% macro unwritten(scores) %}
    select *
    from {{ scores }} as scores
    {%- if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as written
        where
            written.scoring_date = scores.as_of_date
            and written.model_version = scores.model_version
    )
    {%- endif %}
{% endmacro %}
