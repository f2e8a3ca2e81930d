"""Tables of requests: every row a clip, made once, however often the table is run."""
