"""VGG16 and VGG19: their layers, where their weights come from, and the units of their activations."""
