{#
  The newest version of each model where it is a candidate still, with the stage that it is at:

    unjudged     it was fitted, but its test rows were never measured: the run stopped, or its back-test failed
    unpublished  it was measured, and then no verdict was reached, or it was to serve and never did
    judged       it lost today, or nothing reigns, so that another target may let it pass

  Argument
    clock  relation with as_of_date, the point in time

  Reads CTEs of model_state: last_attempts, evaluations, verdicts (of the last run that came as far), archived,
  ranked_scorings.

  Columns: model_name, candidate_version, candidate_stage

  Example: with candidates as ({{ open_candidates(ref('point_in_time')) }})
#}
{% macro open_candidates(clock) %}
    select *
    from (
        select
            newest.model_name,
            newest.last_version as candidate_version,
            case
                when newest.evaluated_as_of is null then 'unjudged'
                when
                    newest.verdict_as_of is null
                    or newest.verdict_as_of < newest.evaluated_as_of
                    or (newest.verdict_as_of = newest.evaluated_as_of and newest.was_considered = 0)
                    or newest.was_to_serve = 1
                    then 'unpublished'
                when newest.reigning_version is null or newest.evaluated_as_of = clock.as_of_date then 'judged'
            end as candidate_stage
        from (
            select
                last_attempts.model_name,
                last_attempts.last_version,
                ranked_scorings.model_version as reigning_version,
                evaluations.evaluated_as_of,
                max(verdicts.as_of_date) as verdict_as_of,
                max(case when verdicts.model_version = last_attempts.last_version then 1 else 0 end) as was_considered,
                max(case when verdicts.model_version = last_attempts.last_version and verdicts.serves then 1 else 0 end)
                    as was_to_serve
            from last_attempts
            left join ranked_scorings
                on last_attempts.model_name = ranked_scorings.model_name
                and ranked_scorings.recency = 1
            left join evaluations
                on last_attempts.model_name = evaluations.model_name
                and last_attempts.last_version = evaluations.model_version
            left join archived
                on last_attempts.model_name = archived.model_name
                and last_attempts.last_version = archived.model_version
            left join verdicts on last_attempts.model_name = verdicts.model_name
            where archived.model_version is null
            group by
                last_attempts.model_name,
                last_attempts.last_version,
                ranked_scorings.model_version,
                evaluations.evaluated_as_of
        ) as newest
        cross join {{ clock }} as clock
        where coalesce(newest.reigning_version <> newest.last_version, true)
    ) as staged
    where candidate_stage is not null
{% endmacro %}
