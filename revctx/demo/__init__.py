"""A tour of the running product: one signal followed hop by hop to the sent e-mail."""
