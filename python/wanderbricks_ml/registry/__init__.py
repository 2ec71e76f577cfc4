"""The one place that knows MLflow: where versions are, how they are logged, proven, loaded and compared."""
