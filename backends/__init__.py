"""How text is generated: one file or folder per kind of model server."""
