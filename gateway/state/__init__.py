"""What replicas share, in SQL: apps, retry tokens, upload sessions, locks. Content never comes here."""
