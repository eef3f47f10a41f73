"""What is drawn from the tables of the neighbours' theorems."""
