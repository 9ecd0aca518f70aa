"""A run's directory: its paths, whole-file writes, records with digests, the lock and the fingerprint; stores."""
