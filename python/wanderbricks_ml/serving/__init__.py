"""What answers requests in real time."""
