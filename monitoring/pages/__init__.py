"""Our pages: here one file each with what it shows, beside it a template and a script."""
