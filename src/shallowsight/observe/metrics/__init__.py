"""A training's metrics for Prometheus. Only this package imports prometheus_client."""
