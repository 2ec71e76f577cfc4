"""A further product from its labels: folder, declaration and policy rows, as `wanderbricks new-model` writes them."""
