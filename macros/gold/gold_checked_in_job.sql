{#
  Table gold_checks as task `shared` of the same run of a job has just written it; none where it may be of another run. A product
  comes after `shared` alone in a run that was never repaired (var `job_repairs` is 0): a repair runs what was red, perhaps days
  later, and gold may be another by then. Of another day, or where as_of follows from gold, it counts for nothing.

  Example: {% set checks = gold_checked_in_job() %}
#}
{% macro gold_checked_in_job() %}
    {% set requested = requested_as_of() %}
    {% set checks = built_table('gold_checks') if var('job_repairs', '') | string == '0' and requested != 'newest' %}
    {% if checks %}
        {% set written = run_query('select max(as_of_date) as newest from ' ~ checks).columns[0].values()[0] %}
        {% if written | string == (requested or gold_today()) %}
            {{ return(checks) }}
        {% endif %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}
