"""The wire to ModelArk: its client, its errors, its files, its key."""
