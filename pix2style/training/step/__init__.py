"""One optimiser step: networks, optimisers, and what guards them."""
