"""gunicorn with threads, where no thread ever waits for a client.

A request is collected before a thread gets it, and what the network does not take at once of an
answer is sent after the thread has gone on. So a client that is slow, or stalls on purpose, costs
a socket and some memory, and neither lasts long.
"""
