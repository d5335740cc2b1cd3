"""An S3 bucket through the minio client. The one door to minio; retries are in store/objects/patience.py."""
