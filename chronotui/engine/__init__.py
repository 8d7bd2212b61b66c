"""What goes on for a while, without a screen."""
