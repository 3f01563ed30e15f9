"""The listening page: loops without and with control, side by side, in one HTML file."""
