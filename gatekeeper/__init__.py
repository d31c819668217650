"""Keep an AWS China account's open ports equal to what the bureau has approved."""

__version__ = "0.1.0"
