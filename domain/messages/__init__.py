"""From alerts to messages that people get: rules as data, the planner, the wording. Pure: no clock, no IO."""
