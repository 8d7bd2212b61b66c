"""The runs of an app: what their events say, and how they are written down."""
