"""Options: dataclasses whose fields are hyperparameters, their help texts, and the validation of values."""
