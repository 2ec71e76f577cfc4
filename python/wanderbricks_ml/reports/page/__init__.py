"""One static page of what the models achieved and say, made from the database alone."""

from wanderbricks_ml.reports.page.writing import write_page

__all__ = ["write_page"]
