"""The Service API of Dify: the runs of one workflow app, and what they tell live."""
