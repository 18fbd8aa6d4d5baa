"""Some twenty minutes of everything at once against the running service: does it stay as it was?"""
