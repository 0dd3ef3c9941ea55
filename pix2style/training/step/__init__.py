"""One optimiser step: the networks and optimisers, the step itself, and the handling of numbers that are not finite."""
