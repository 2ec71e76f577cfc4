"""The gold layer on a workstation: its contract, its files, and dbt's way to them.

Nothing is imported here: dbt loads the plugin in every run, and most runs need no more.
"""
