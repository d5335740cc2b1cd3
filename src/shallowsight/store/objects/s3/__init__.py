"""An S3 bucket through the minio client. Only this package imports minio; retries are in store/objects/patience.py."""
