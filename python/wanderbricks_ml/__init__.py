"""Machine learning on a vacation-rental platform's gold layer: what dbt's Python models and the command line call."""

import os

from wanderbricks_ml import moved

# dbt fits two models at once, and each takes all cores: OpenMP's threads that wait by spinning take the time of those
# that work (a fit of 66,000 rows beside others: 14 CPU seconds, 5 without). Read when the library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

moved.install()
