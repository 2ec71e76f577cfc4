"""What is shown of a version: tables that a fit logs, and plots for those who ask."""
