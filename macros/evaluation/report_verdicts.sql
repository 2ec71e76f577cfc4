{% macro report_verdicts(results) %}{% endmacro %}
