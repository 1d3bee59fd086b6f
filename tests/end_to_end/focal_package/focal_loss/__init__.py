"""What somebody else's package adds to Minds Mirror: a method with settings of its own, and the loss that it needs."""
