"""Who sells company facts: providers as data, and one way to ask them."""
