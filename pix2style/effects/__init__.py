"""Effects: stylizers that wrap other stylizers, and change what comes out of them."""
