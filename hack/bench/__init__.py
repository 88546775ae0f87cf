"""Where Headgate stands against its budget, measured on a real cluster."""
