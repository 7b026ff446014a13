"""What a round costs: bits, passes of the models and their seconds, energy."""
