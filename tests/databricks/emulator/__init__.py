"""A local stand-in for a Databricks workspace, on real Spark with Delta Lake; see ../README.md."""
