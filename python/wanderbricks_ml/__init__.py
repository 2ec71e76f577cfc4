"""Fit, predict and serve the models of the Wanderbricks dbt project."""
