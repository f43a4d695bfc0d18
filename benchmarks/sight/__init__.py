"""What the measurements share: looking at memory, and telling figures beside what they must not exceed."""
