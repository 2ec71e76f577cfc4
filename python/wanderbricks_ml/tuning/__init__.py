"""Search for a model's parameters with Optuna, on time-ordered folds of the rows that it learns from.

The settings' block `tuning` says what is searched and for how long (docs/tuning.md); the retraining decision says
whether with the full budget. A study is stored after each batch of trials, so that one which was interrupted goes on.
What it found is written into the version's `parameters`, from which later fits take it up again.
"""
