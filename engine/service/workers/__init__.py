"""The worker processes that hold a model, and the executors that start them and watch over them."""
