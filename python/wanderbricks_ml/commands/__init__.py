"""The ``wanderbricks`` command line."""
