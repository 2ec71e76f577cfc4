{#
  A text in which metrics are named as people say them: F1 for f1, log loss for log_loss.

  Example: {{ metric_words('f1 0.45 is below the target of 0.75') }}
#}
{% macro metric_words(text) %}
    {% set words = namespace(text=text or '') %}
    {% for name, said in {
        'poisson_deviance': 'Poisson deviance', 'log_loss': 'log loss', 'brier': 'Brier score', 'auc': 'AUC', 'f1': 'F1',
        'rmse': 'RMSE', 'mape': 'MAPE', 'ndcg_at_10': 'NDCG at 10', 'ndcg_at_10_over_returns': 'gain in NDCG over returns first',
        'f1_over_trivial': 'gain in F1 over calling all',
        'revenue_lift': 'revenue lift', 'wape_week_destinations': 'weekly WAPE of destinations',
        'normalised_gini': 'normalised Gini', 'decile_mape': 'MAPE of deciles',
        'decile_mape_active': 'MAPE of deciles of the active', 'coverage_80': 'coverage of the 80 % interval',
        'outside_80': 'share outside of the 80 % interval',
    }.items() %}
        {% set words.text = modules.re.sub('\\b' ~ name ~ '\\b', said, words.text) %}
    {% endfor %}
    {{ return(words.text) }}
{% endmacro %}
