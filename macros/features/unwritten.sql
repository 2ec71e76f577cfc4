{# The rows of a product's scores that its public table does not hold yet: a day that the same version has scored already
   stays as it was written, scored_at included. While an experiment runs, each unit gets the version of its arm.

   Arguments: `scores`, a relation with as_of_date and model_version; `champion` and `unit` as in of_own_arm, left out
   where versions are told apart later or no experiment can run. Called in an incremental model with scoring_date and
   model_version. Example: with scores as ( {{ unwritten(ref('demand_scores'), ref('demand_champion'), 'property_id') }} ). #}
{% macro unwritten(scores, champion=none, unit=none) %}
    {%- if unit %}
    {{- of_own_arm(scores, champion, unit) }}
    {%- else %}
    select *
    from {{ scores }}{{ ' as scores' if is_incremental() }}
    where true
    {%- endif %}
    {%- if is_incremental() %}
    {%- do note_written_from('(select min(as_of_date) from ' ~ scores ~ ')') %}
    and not exists (
        select 1
        from {{ this }} as written
        where
            written.scoring_date = scores.as_of_date
            and written.model_version = scores.model_version
    )
    {%- endif %}
{% endmacro %}
