"""Devices that run nerve's learner learn together, on Flower."""
