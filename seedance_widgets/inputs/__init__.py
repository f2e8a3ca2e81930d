"""What goes in: pictures as they are given, cropped and prepared for a request."""
