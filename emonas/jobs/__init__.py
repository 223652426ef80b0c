"""Independent pieces of work, and the engines that run them."""
