"""What travels: the formats and transports that dialects and adapters share."""
