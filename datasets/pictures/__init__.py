"""Single pictures in files: what a file is by its content, how large it is, and its pixels as people see them."""
