"""The chat itself. It knows no Lambda event: the handlers beside it translate."""
