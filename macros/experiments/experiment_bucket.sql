{#
  The bucket of a unit in an experiment, 0 to 9999: the first 7 hexadecimal digits of the MD5 of '<experiment>:<unit>',
  modulo 10,000. It depends on nothing else, so that the same unit falls into the same bucket on every engine, every day
  and in Python (wanderbricks_ml.experiments.bucket); the experiment's name in it makes experiments independent of each
  other. MD5 because the split has to look random, not to keep a secret (Kohavi et al. 2009, "Controlled experiments on
  the web", section 4.1.2, tried it against simpler hashes, which failed).

  Arguments
    experiment_name  text expression
    unit             whole-number expression

  Example: {{ experiment_bucket('experiments.experiment_name', 'users.user_id') }} < 5000
#}
{% macro experiment_bucket(experiment_name, unit) -%}
    {%- set digest = 'md5(' ~ experiment_name ~ " || ':' || cast(" ~ unit ~ ' as ' ~ dbt.type_string() ~ '))' -%}
    (
        {%- for place in range(7) %}
        {{ 16 ** (6 - place) }} * (instr('0123456789abcdef', substr({{ digest }}, {{ place + 1 }}, 1)) - 1){{ ' +' if not loop.last }}
        {%- endfor %}
    ) % 10000
{%- endmacro %}
