"""The embedded services, really started."""
