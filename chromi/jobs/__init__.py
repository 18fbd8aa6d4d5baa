"""Jobs: the queue, the code that runs them, and the code that cleans up after them."""
