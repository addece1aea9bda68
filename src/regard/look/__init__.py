"""Pictures of what a model looked at. This room knows no task: it draws plain data."""
