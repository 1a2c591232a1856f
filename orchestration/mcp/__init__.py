"""The door for assistants that speak the Model Context Protocol: they read and propose, never decide."""
