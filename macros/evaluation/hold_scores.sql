{#
  Pre-hook of a public table: raises a compiler error where the scores of a day are not whole, before anything is replaced.
  Each key that the declaration says is due has its rows, and there are not much fewer keys than on the day that was scored
  before. Var `accept_gold` lets them pass. Renders nothing, but where var `rescore` asks for the day again: the statement
  that takes its rows away, as some may not come again.

  Argument
    name  of a product

  Example: pre_hook="{{ hold_scores('demand') }}"
#}
{% macro hold_scores(name) %}
    {% if not execute or flags.EMPTY or flags.WHICH not in ('run', 'build') %}
        {{ return('') }}
    {% endif %}
    {% set product = declared_product(name) %}
    {% set scores = built_table(name ~ '_scores') %}
    {% set decision = built_table(name ~ '_retraining') %}
    {% set champion = built_table(name ~ '_champion') %}
    {% if not scores or not decision or not champion %}{{ return('') }}{% endif %}
    {% set decided = run_query('select score_due, as_of_date from ' ~ decision).rows[0] %}
    {% set serves = run_query('select count(*) as versions from ' ~ champion ~ ' where serves').rows[0]['versions'] %}
    {% if not decided['score_due'] or not serves %}{{ return('') }}{% endif %}
    {% set as_of = "cast('" ~ decided['as_of_date'] ~ "' as date)" %}
    {% set accept = "; or publish what there is with --vars '{accept_gold: true}'" %}
    {% set problems = [] %}

    {% if product.due %}
        {% set due = namespace(query=product.due.of | replace('{as_of}', as_of)) %}
        {% for found in modules.re.findall('{(\\w+)}', product.due.of) if found != 'as_of' %}
            {% set due.query = due.query | replace('{' ~ found ~ '}', built_table(found)) %}
        {% endfor %}
        {% set missing = run_query(
            'select count(*) as due_keys, count(*) filter (where coalesce(there.row_count, 0) < ' ~ product.due.each
            ~ ') as missing, min(case when coalesce(there.row_count, 0) < ' ~ product.due.each
            ~ ' then due.' ~ product.due.key ~ ' end) as example from (' ~ due.query ~ ') as due left join (select '
            ~ product.due.key ~ ', count(*) / count(distinct model_version) as row_count from ' ~ scores
            ~ ' group by ' ~ product.due.key ~ ') as there on due.' ~ product.due.key ~ ' = there.' ~ product.due.key
        ).rows[0] %}
        {% if missing['missing'] %}
            {% do problems.append(
                missing['missing'] ~ ' of ' ~ missing['due_keys'] ~ ' ' ~ product.due.key ~ ' that are due have no whole prediction in '
                ~ name ~ '_scores, such as ' ~ missing['example'] ~ ' (' ~ product.due.each ~ ' rows each); see what they lack in '
                ~ name ~ '_examples' ~ accept
            ) %}
        {% endif %}
    {% endif %}

    {% set key = product.get('due', {}).get('key', product.public_key[0]) %}
    {% set published = built_table(product.predictions) %}
    {% if published and key in product.public_key %}
        {% set earlier = run_query(
            'select scoring_date, count(distinct ' ~ key ~ ') as keys_then from ' ~ published ~ ' where scoring_date = (select max(scoring_date) from '
            ~ published ~ ' where scoring_date < ' ~ as_of ~ ') group by scoring_date'
        ).rows %}
        {% set now = run_query('select count(distinct ' ~ key ~ ') as keys_now from ' ~ scores).rows[0]['keys_now'] %}
        {% if earlier and now < product.get('least_kept', 0.5) * earlier[0]['keys_then'] %}
            {% do problems.append(
                now ~ ' ' ~ key ~ ' are scored for ' ~ decided['as_of_date'] ~ ', and ' ~ earlier[0]['keys_then'] ~ ' were for '
                ~ earlier[0]['scoring_date'] ~ '; see what gold lacks' ~ accept
            ) %}
        {% endif %}
    {% endif %}

    {% if problems and not var('accept_gold', false) %}
        {% do exceptions.raise_compiler_error(
            product.predictions ~ ' stays as it was, as the scores are not whole:\n  ' ~ problems | join('\n  ')
        ) %}
    {% endif %}
    {% if var('rescore', '') and published %}
        {{ return('delete from ' ~ published ~ ' where scoring_date = ' ~ as_of) }}
    {% endif %}
    {{ return('') }}
{% endmacro %}
