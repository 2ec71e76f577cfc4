{# One series' positive value, drawn towards that of all of them where its own bookings are few: their geometric mean, in
   which its own counts as its bookings do against `prior`.

   Arguments: expressions. Example: {{ pooled('levels.level_56', 'total.level_56', 'levels.bookings_56', prior=100) }} #}
{% macro pooled(own, of_all, bookings, prior) %}
    power({{ own }}, {{ bookings }} / cast({{ bookings }} + {{ prior }} as double))
    * power({{ of_all }}, {{ prior }} / cast({{ bookings }} + {{ prior }} as double))
{% endmacro %}
