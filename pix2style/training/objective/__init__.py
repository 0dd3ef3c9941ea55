"""The training objective: the losses of generator and discriminator."""
