"""Messages to people: what the store knows given to the planner, what it plans sent and recorded."""
