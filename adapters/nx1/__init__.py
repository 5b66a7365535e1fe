"""The adapter for the Nx1 notebooks bucket, and for any other S3 bucket."""
