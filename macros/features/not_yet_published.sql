{# The rows of a product's scores that its public table does not hold yet: a day that the same version has scored already
   stays as it was written, scored_at included, unless var `rescore` asks for it again. While an experiment runs, each unit gets the version of its arm.

   Arguments: `scores`, a relation with as_of_date and model_version; `champion` and `unit` as in assigned_arm_only, left out
   where versions are told apart later or no experiment can run. Called in an incremental model with scoring_date and
   model_version. Example: with scores as ( {{ not_yet_published(ref('demand_scores'), ref('demand_champion'), 'property_id') }} ). #}
{% macro not_yet_published(scores, champion=none, unit=none) %}
    {%- if unit %}
    {{- assigned_arm_only(scores, champion, unit) }}
    {%- else %}
    select *
    from {{ scores }}{{ ' as scores' if is_incremental() }}
    where true
    {%- endif %}
    {%- if is_incremental() %}
    {%- do note_written_from('(select min(as_of_date) from ' ~ scores ~ ')') %}
    {%- if not var('rescore', '') %}
    and not exists (
        select 1
        from {{ this }} as written
        where
            written.scoring_date = scores.as_of_date
            and written.model_version = scores.model_version
    )
    {%- endif %}
    {%- endif %}
{% endmacro %}
