"""A training's metrics for Prometheus. The one door to prometheus_client."""
