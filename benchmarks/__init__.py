"""What Revctx can do beside what people would do instead, measured in one run: `make bench`."""
