"""Jobs: the queue, what runs them, and what cleans up after them."""
