"""Checks of training data before it is trained on: form, duplicates, labels, drift; and the data's card."""
