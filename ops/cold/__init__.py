"""Cold storage of the logs: exporting sealed segments, and letting Kafka go of what is kept there."""
