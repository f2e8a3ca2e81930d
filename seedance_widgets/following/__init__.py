"""What becomes of tasks that were sent: watched until they end, and their files saved."""
