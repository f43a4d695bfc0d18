"""Programs that run our code as the services do, one task at a time, or as the service itself (``service``)."""
