"""What people do with records: import, open, correct, prove."""
