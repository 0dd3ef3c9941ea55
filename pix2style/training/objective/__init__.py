"""What the generator and the discriminator minimise."""
